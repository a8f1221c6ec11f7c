//! `--list`: the topics that are there, and the sources in each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use common::clock::Clock;
use common::frame::jpeg_size;
use common::record::{self, Incoming};
use common::report::bytes;
use kafka::{Admin, Event, Found, Patience, Position, Received, Tail};
use shell::shutdown::Shutdown;

use crate::options::Options;

/// What is read of each partition, from its end back.
const LAST_RECORDS: i64 = 100;
const ASK: Duration = Duration::from_secs(5);
/// A topic whose records do not come within that is listed without them.
const READ: Duration = Duration::from_secs(3);

/// What the newest records say of a source.
#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    bytes: u64,
    first_ms: i64,
    last_ms: i64,
    size: (u32, u32),
    ended: bool,
    foreign: bool,
}

pub fn list(options: &Options, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let wanted = || !shutdown.asked();
    let patience = Patience { timeout: options.timeout.unwrap_or(ASK), clock: &*clock, wanted: &wanted };
    let admin = Admin::connect(&options.connection, "vidcons", &patience)?;
    let mut text = String::new();
    let mut topics = admin.topics(ASK)?;
    topics.retain(|topic| !options.list_only || topic.name == options.topic);
    if topics.is_empty() && options.list_only {
        bail!("no topic {} at {}: leave -t away to see what there is", options.topic, options.connection.brokers);
    }
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    let mut tail = Tail::new(&options.connection, "vidcons", &options.topic, None, Position::Beginning, clock.clone())?;
    for topic in topics {
        if shutdown.asked() {
            break;
        }
        let _ = writeln!(text, "{}  {} partition(s)", topic.name, topic.partitions);
        tail.turn_to(&topic.name);
        match sources(&mut tail, &*clock) {
            Ok(sources) => sources.iter().for_each(|(name, seen)| {
                let _ = writeln!(text, "  {name}  {}", describe(seen, clock.wall_us() as i64 / 1000));
            }),
            // One topic that cannot be read is no reason to keep the others back.
            Err(error) => tracing::warn!(event = "topic_unreadable", topic = topic.name, "{}: {error:#}", topic.name),
        }
    }
    if text.is_empty() {
        let _ = writeln!(text, "no topics at {}", options.connection.brokers);
    }
    shell::output::print(&text)
}

fn sources(tail: &mut Tail, clock: &dyn Clock) -> anyhow::Result<BTreeMap<String, Seen>> {
    let mut sources = BTreeMap::new();
    let Found::Topic { partitions } = tail.find(ASK)? else { return Ok(sources) };
    tail.start(&partitions, Position::Last(LAST_RECORDS), ASK)?;
    let until = clock.now().plus(READ);
    while clock.now() < until && !tail.caught_up() {
        match tail.next(Duration::from_millis(200)) {
            Event::Record(received) => enter(&mut sources, &received),
            Event::Anew | Event::Missing => break,
            _ => {}
        }
    }
    Ok(sources)
}

fn enter(sources: &mut BTreeMap<String, Seen>, received: &Received) {
    let Received { record, partition, .. } = received;
    let (name, frame, size, ended, foreign) = match record::read(record) {
        Ok(Incoming::Part(part)) => {
            let size = jpeg_size(&record.value).unwrap_or((part.meta.width, part.meta.height));
            (part.meta.source.to_string(), part.index == 0, size, false, false)
        }
        Ok(Incoming::End(meta, ..)) => {
            let size = jpeg_size(&record.value).unwrap_or((meta.width, meta.height));
            (meta.source.to_string(), false, size, true, false)
        }
        Ok(Incoming::Foreign(_)) => (record::foreign_source(record, *partition), true, (0, 0), false, true),
        Err(_) => return,
    };
    let at = record.timestamp_ms.unwrap_or(0);
    let seen = sources.entry(name).or_default();
    if seen.frames == 0 {
        seen.first_ms = at;
    }
    seen.frames += u64::from(frame);
    seen.bytes += if ended { 0 } else { record.value.len() as u64 };
    seen.last_ms = at;
    (seen.size, seen.ended, seen.foreign) = (size, ended, foreign);
}

fn describe(seen: &Seen, now_ms: i64) -> String {
    let seconds = (seen.last_ms - seen.first_ms) as f64 / 1000.0;
    let fps = if seconds > 0.0 { (seen.frames.saturating_sub(1)) as f64 / seconds } else { 0.0 };
    let size = match seen.size {
        (0, 0) => "plain JPEG".to_owned(),
        (width, height) => format!("{width}x{height}"),
    };
    let frame = bytes(seen.bytes / seen.frames.max(1));
    let age = humantime::format_duration(Duration::from_secs((now_ms - seen.last_ms).max(0) as u64 / 1000));
    let end = if seen.ended { ", ended" } else { "" };
    let marked = if seen.foreign { " (not from vidprod)" } else { "" };
    format!("{size}  {fps:.1} fps  {frame} a frame  newest {age} ago{end}{marked}")
}
