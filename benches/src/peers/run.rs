//! One run of one line: starts its consumer, then its producer, then feeds the frames.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use common::report::{Frames, LatencyReport, Summary};
use common::time::{Latency, Micros};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::tempdir;
use testkit::child::Pipe;
use testkit::port::free_port;
use testkit::workspace::{built, root};
use testkit::{Program, Xvfb};

use super::args::PeersArgs;
use super::bar::BarPlace;
use super::feeder::{FeedTimes, PlanarClip};
use super::programs::Peer;
use super::watcher::{ScreenTimes, Watcher};
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::messages::topic::{BenchTopic, TopicSettings};

/// Time after the last frame was fed, for frames still in flight.
const STRAGGLERS: Duration = Duration::from_secs(3);
/// Time for a consumer to end by itself and write its report.
const REPORTING: Duration = Duration::from_secs(10);

/// The files for the consumer's report, and for vidcons' line for each frame.
const REPORT: &str = "report.json";
const FRAMES: &str = "frames.csv";

/// The figures of one run of a line, as they are reported.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub struct PeerRound {
    pub round: u32,
    /// Number of frames that count and were shown, and of those that count.
    pub shown: u64,
    pub of: u64,
    /// The latency by which lines are compared: fed → seen on the screen, or captured → decoded.
    pub latency_us: Summary,
    /// p50 of all frames that were seen, including the warm-up, in the way that the consumer's report counts them.
    pub all_frames_p50_us: Option<u64>,
    pub feeder_late_max_us: u64,
    pub consumer_report: Option<Value>,
}

impl fmt::Display for PeerRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { p50, p99, .. } = self.latency_us;
        let (p50, p99) = (p50 as f64 / 1e3, p99 as f64 / 1e3);
        write!(f, "p50 {p50:.2} p99 {p99:.2} ms, {} of {} shown", self.shown, self.of)
    }
}

/// The settings that all runs share.
#[derive(Clone, Copy, Debug)]
pub struct PeersSetup<'a> {
    pub args: &'a PeersArgs,
    pub place: BarPlace,
    pub clip: &'a PlanarClip,
    pub python: &'a str,
    pub control: Control<'a>,
}

impl PeersSetup<'_> {
    /// Runs one peer, with a topic, a screen and a port of its own.
    pub fn run(&self, peer: &Peer, broker: Option<&BenchBroker>, round: u32) -> Result<PeerRound> {
        let (args, clock, settings) = (self.args, self.control.clock, TopicSettings::default());
        let topic = broker.map(|broker| BenchTopic::create(&broker.address, &settings, clock)).transpose()?;
        let folder = tempdir().context("a folder for logs and reports")?;
        let values = self.values(peer, topic.as_ref(), folder.path())?;
        // The screen is as large as the picture.
        let size = (args.picture.size.width as u32, args.picture.size.height as u32);
        let screen = (!args.headless).then(|| Xvfb::with_screen(size, &[])).transpose()?;
        let display = screen.as_ref().map(Xvfb::display);
        let watcher = display.map(|display| Watcher::connect(display, self.place)).transpose()?;
        let start = |name: &str, words: Vec<String>, pipe: Pipe| {
            let (program, args) = words.split_first().context("a program's name")?;
            let program = Program::at(program).args(args);
            let program = display.into_iter().fold(program, |program, display| program.env("DISPLAY", display));
            program.start_logged(name, pipe, &folder.path().join(name))
        };
        let mut consumer = start("the consumer", peer.consumer(args.headless, &values), Pipe::None)?;
        self.control.sleep(args.settle.duration());
        ensure!(!consumer.has_ended(), "the consumer ended before anything was sent; {}", consumer.last_line());
        let mut producer = start("the producer", peer.producer(&values), Pipe::Input)?;
        let watched = self.feed_and_watch(producer.input()?, watcher.as_ref());
        self.control.check()?;
        let (fed, seen) = watched.with_context(|| producer.last_line())?;
        let report = peer.reports().then(|| {
            producer.ends_within(REPORTING);
            consumer.ends_within(REPORTING);
            ConsumerReport::read(&folder.path().join(REPORT)).with_context(|| consumer.last_line())
        });
        let report = report.transpose()?;
        let (latency_us, all_frames_p50_us) = match seen {
            Some(seen) => (latency(&fed, &seen, args.warm), Some(latency(&fed, &seen, 0).p50)),
            None if peer.is_ours() => (captured_to_decoded(&folder.path().join(FRAMES), args.warm as u64)?, None),
            None => (report.as_ref().map(|report| report.latency_us.total).unwrap_or_default(), None),
        };
        let shown = latency_us.count;
        ensure!(shown > 0, "no frame was seen; {}; {}", consumer.last_line(), producer.last_line());
        Ok(PeerRound {
            round,
            shown,
            of: (args.frames - args.warm) as u64,
            latency_us,
            all_frames_p50_us,
            feeder_late_max_us: fed.late_max.as_micros() as u64,
            consumer_report: report.as_ref().map(ConsumerReport::figures),
        })
    }

    /// The values in the command lines.
    fn values(&self, peer: &Peer, topic: Option<&BenchTopic>, folder: &Path) -> Result<Vec<(&'static str, String)>> {
        let (args, port) = (self.args, free_port()?);
        let address = topic.map(|topic| topic.brokers().to_owned());
        let path = |path: PathBuf| path.display().to_string();
        Ok(vec![
            ("vidprod", built("vidprod").map(path).unwrap_or_default()),
            ("vidcons", built("vidcons").map(path).unwrap_or_default()),
            ("python", self.python.to_owned()),
            ("script", path(root().join("benches/peers").join(peer.script))),
            ("broker", address.clone().unwrap_or_default()),
            ("address", address.unwrap_or_else(|| format!("127.0.0.1:{port}"))),
            ("port", port.to_string()),
            ("topic", topic.map_or(String::new(), |topic| topic.name.clone())),
            ("report", path(folder.join(REPORT))),
            ("frames", path(folder.join(FRAMES))),
            ("size", args.picture.size.pixels()),
            ("warm", args.warm.to_string()),
            ("quality", args.quality.to_string()),
        ])
    }

    /// Feeds the frames and watches the screen; the second result is `None` without a screen.
    fn feed_and_watch(&self, pipe: ChildStdin, watcher: Option<&Watcher>) -> Result<(FeedTimes, Option<ScreenTimes>)> {
        let (args, control) = (self.args, self.control);
        let now = || control.clock.now();
        thread::scope(|threads| {
            let feeding = threads.spawn(|| self.clip.feed(pipe, args.frames, args.picture.fps, control));
            let mut ended = None;
            let goes_on = || {
                if feeding.is_finished() {
                    ended.get_or_insert_with(now);
                }
                !control.interrupted() && ended.is_none_or(|ended| now().since(ended) < STRAGGLERS)
            };
            let seen = watcher.map(|watcher| watcher.watch(args.frames, control.clock, goes_on));
            let fed = feeding.join().unwrap_or_else(|_| Err(anyhow!("the feeder panicked")))?;
            Ok((fed, seen.transpose()?))
        })
    }
}

/// The latency of the frames from number `from` on that were seen.
fn latency(fed: &FeedTimes, seen: &ScreenTimes, from: usize) -> Summary {
    let mut latency = Latency::default();
    let both = fed.began.iter().zip(seen).skip(from);
    both.filter_map(|(began, seen)| Some(seen.as_ref()?.since(*began))).for_each(|time| latency.record(time));
    Summary::from(&latency)
}

/// The fields that all consumers report: vidcons, and the Python scripts.
#[derive(Deserialize)]
struct ConsumerReport {
    frames: Frames,
    latency_us: LatencyReport,
}

impl ConsumerReport {
    fn read(file: &Path) -> Result<ConsumerReport> {
        let text = std::fs::read_to_string(file).context("the consumer left no report")?;
        serde_json::from_str(&text).context("the consumer's report cannot be read")
    }

    /// The part that is in our report.
    fn figures(&self) -> Value {
        let LatencyReport { total, stages, .. } = &self.latency_us;
        json!({ "shown": self.frames.shown, "lost": self.frames.lost, "total_us": total, "stages_us": stages })
    }
}

/// Latency from captured to decoded, of the frames from number `warm` on, read from vidcons' report of each frame.
fn captured_to_decoded(frames: &Path, warm: u64) -> Result<Summary> {
    let text = std::fs::read_to_string(frames).context("the consumer left no report of each frame")?;
    of_frames(&text, warm).context("the consumer's report of each frame cannot be read")
}

fn of_frames(csv: &str, warm: u64) -> Option<Summary> {
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next()?.split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name);
    let (frame, captured, decoded) = (at("frame")?, at("captured")?, at("decoded")?);
    let mut latency = Latency::default();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // A frame that was not decoded has an empty field there.
        if let (true, Some(captured), Some(decoded)) = (number(frame)? >= warm, number(captured), number(decoded)) {
            latency.record(Micros(decoded).since(Micros(captured)));
        }
    }
    Some(Summary::from(&latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_from_the_first_warm_one_that_was_decoded() {
        let columns: Vec<&str> = common::report::CSV_HEADER.trim().split(',').collect();
        let row = |frame: &str, captured: &str, decoded: &str| {
            let value = |column: &&str| match *column {
                "frame" => frame.to_owned(),
                "captured" => captured.to_owned(),
                "decoded" => decoded.to_owned(),
                _ => "1".to_owned(),
            };
            columns.iter().map(value).collect::<Vec<_>>().join(",")
        };
        let rows = [row("0", "10", "5000"), row("1", "100", "300"), row("2", "200", ""), row("3", "300", "600")];
        let csv = &format!("{}\n{}\n", columns.join(","), rows.join("\n"));
        let summary = of_frames(csv, 1).unwrap();
        assert_eq!((summary.count, summary.min, summary.max), (2, 200, 300));
        assert_eq!(of_frames(csv, 0).unwrap().count, 3);
        assert_eq!(of_frames("source,frame\nvm,1\n", 0), None, "columns are missing");
    }

    #[test]
    fn the_reports_of_the_scripts_are_read() {
        let total = json!(Summary { count: 3, p50: 7, ..Summary::default() });
        // As common.py writes it.
        let latency = json!({ "clock": "same host: exact", "total": total, "stages": {} });
        let report = json!({ "frames": { "shown": 3, "lost": {} }, "latency_us": latency });
        let figures = serde_json::from_value::<ConsumerReport>(report).unwrap().figures();
        assert_eq!(figures, json!({ "shown": 3, "lost": {}, "total_us": total, "stages_us": {} }));
    }
}
