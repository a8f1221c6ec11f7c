//! The parts of a report besides its figures: machine, versions, settings.

use common::words::count;
use std::io::Write;
use std::process::Command;

use anyhow::Context;
use cli::output::Output;
use common::time::{Clock, Micros};
use serde_json::{Map, Value, json};

use crate::basics::Basics;
use crate::brokers::Broker;

/// Version of the report's format. Changes when a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

/// Time at which a run began.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    wall_us: u64,
    at: Micros,
}

impl Began {
    pub fn now(clock: &dyn Clock) -> Began {
        Began { wall_us: clock.wall_us(), at: clock.now() }
    }
}

/// The beginning of a report; the figures follow it.
pub fn head(command: &str, brokers: &[Broker], settings: Value, began: Began, clock: &dyn Clock) -> Map<String, Value> {
    let machine = cli::machine::machine();
    let brokers: Vec<Value> =
        brokers.iter().map(|b| json!({ "name": b.name, "address": b.address, "version": b.version })).collect();
    let head = json!({
        "schema": SCHEMA,
        "program": format!("vidbench {command}"),
        "version": env!("CARGO_PKG_VERSION"),
        "commit": commit(),
        "librdkafka": rdkafka::util::get_rdkafka_version().1,
        "started_ms": began.wall_us / 1000,
        "seconds": (clock.now().since(began.at).as_secs_f64() * 10.0).round() / 10.0,
        "machine": machine,
        "brokers": brokers,
        "settings": settings,
    });
    match head {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The settings of a comparison of bare messages.
pub fn settings(basics: &Basics, bytes: usize) -> Value {
    json!({
        "bytes": bytes,
        "rounds": basics.rounds,
        "prepare_messages": basics.prepare,
        "memory": basics.memory,
        "clients": "vidprod's and vidcons's own (crate kafka): linger.ms=0 acks=all enable.idempotence=true, no Nagle",
    })
}

/// The line about the machine above a table.
pub fn machine_line() -> String {
    let machine = cli::machine::machine();
    format!("{}, {}, {} MB, {}", machine.cpu, count(machine.cores, "core"), machine.memory_mb, machine.os)
}

/// The commit of the sources; `None` without git.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let out = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(args).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    // Results, and the tables made from them, do not affect the measurement.
    let code = [":/", ":(top,exclude)benches/results", ":(top,exclude)*.md"];
    let status = [&["status", "--porcelain", "--untracked-files=no", "--"][..], &code].concat();
    let changed = git(&status).is_some_and(|changes| !changes.is_empty());
    git(&["rev-parse", "HEAD"]).map(|id| if changed { format!("{id}, changed") } else { id })
}

pub fn write(report: Map<String, Value>, to: &Output) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(&Value::Object(report)).context("making the report")?;
    text.push('\n');
    let mut out = to.create()?;
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing the report")
}
