//! The report of an experiment: machine, versions, settings and figures, as JSON.
//!
//! The same types are written by the commands and read by `vidbench readme`.

use std::io::Write;
use std::process::Command;

use anyhow::Context;
use cli::output::Output;
use common::report::Machine;
use common::words::count;
use serde::{Deserialize, Serialize};

/// Version of the report's format. Changes when a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenchReport<S, F> {
    pub schema: u32,
    /// `vidbench` and the name of the command.
    pub program: String,
    pub version: String,
    /// The commit of the sources; `None` without git.
    pub commit: Option<String>,
    pub librdkafka: String,
    pub started_ms: u64,
    pub seconds: f64,
    pub machine: Machine,
    pub brokers: Vec<BrokerFacts>,
    pub settings: S,
    /// True after Ctrl-C: the figures are those of the runs until then.
    pub interrupted: bool,
    /// Descriptions of the failed runs.
    #[serde(default)]
    pub failed: Vec<String>,
    #[serde(flatten)]
    pub figures: F,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BrokerFacts {
    pub name: String,
    pub address: String,
    /// Name and version of the broker program.
    pub version: String,
}

/// The settings that comparisons of brokers have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommonSettings {
    pub rounds: u32,
    pub prepare_messages: u64,
    #[serde(default)]
    pub memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_seconds: Option<f64>,
}

/// A figure of vidprod and the same of vidcons.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ByProgram<T> {
    pub vidprod: T,
    pub vidcons: T,
}

impl<S, F> BenchReport<S, F> {
    /// A report made by this program on this machine; what happened is filled in by the experiment.
    pub fn new(command: &str, settings: S, figures: F) -> BenchReport<S, F> {
        BenchReport {
            schema: SCHEMA,
            program: format!("vidbench {command}"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(),
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            started_ms: 0,
            seconds: 0.0,
            machine: cli::machine::machine(),
            brokers: Vec::new(),
            settings,
            interrupted: false,
            failed: Vec::new(),
            figures,
        }
    }

    /// The lines above the tables: the title, what was measured, the number of rounds, the unit, and the machine.
    pub fn heading(&self, what: &str, rounds: u32, unit: &str) -> String {
        let Machine { cpu, cores, memory_mb, os, .. } = &self.machine;
        let interrupted = if self.interrupted { ", interrupted" } else { "" };
        let (rounds, cores) = (count(rounds, "round"), count(*cores, "core"));
        format!("{what}, {rounds}{interrupted}; {unit}\n{cpu}, {cores}, {memory_mb} MB, {os}\n\n")
    }
}

impl<S: Serialize, F: Serialize> BenchReport<S, F> {
    pub fn write(&self, to: &Output) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("making the report")? + "\n";
        let mut out = to.create()?;
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing the report")
    }
}

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
