//! One run of one line: starts its consumer, then its producer, then feeds the frames.

use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use common::report::Summary;
use common::time::Latency;
use tempfile::tempdir;
use testkit::child::{LoggedChild, Pipe};
use testkit::port::free_port;
use testkit::workspace::{built, root};
use testkit::{Program, Xvfb};

use super::args::PeersArgs;
use super::bar::BarPlace;
use super::clip::PlanarClip;
use super::consumer_report::{self, captured_to_decoded};
use super::feeder::{self, FeedTimes};
use super::programs::Peer;
use super::report::PeerRound;
use super::watcher::{Sightings, Watcher};
use crate::brokers::StartedBroker;
use crate::control::Control;
use crate::messages::topic::{BenchTopic, TopicSettings, topic_name};

/// Time after the last frame was fed, for frames still in flight.
const STRAGGLERS: Duration = Duration::from_secs(3);
/// Time for a consumer to end by itself and write its report.
const REPORTING: Duration = Duration::from_secs(10);

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
    /// Runs one peer, with a topic, a screen and a port of its own; `None` after Ctrl-C.
    pub fn run(&self, peer: &Peer, broker: Option<&StartedBroker>, round: u32) -> anyhow::Result<Option<PeerRound>> {
        let (args, clock, settings) = (self.args, self.control.clock, TopicSettings::default());
        let topic = topic_name(&format!("peers-{peer}"), round, 0);
        let _topic = broker.map(|b| BenchTopic::create(&b.address, &topic, &settings, clock)).transpose()?;
        let folder = tempdir().context("a folder for logs and reports")?;
        let values = self.values(peer, broker.map(|broker| &broker.address[..]), &topic, folder.path())?;
        // The screen is as large as the picture.
        let size = (args.size.width as u32, args.size.height as u32);
        let screen = (!args.headless).then(|| Xvfb::with_screen(size, &[])).transpose()?;
        let display = screen.as_ref().map(Xvfb::display);
        let watcher = display.map(|display| Watcher::connect(display, self.place)).transpose()?;
        let consumer = peer.consumer(args.headless, &values);
        let mut consumer = start("the consumer", &consumer, display, Pipe::None, folder.path())?;
        self.control.sleep(args.settle.duration());
        ensure!(!consumer.has_ended(), "the consumer ended before anything was sent; {}", consumer.last_line());
        let producer = peer.producer(&values);
        let mut producer = start("the producer", &producer, display, Pipe::Input, folder.path())?;
        let (fed, seen) = self.feed_and_watch(producer.input()?, watcher.as_ref());
        if self.control.interrupted() {
            return Ok(None);
        }
        let fed = fed.with_context(|| producer.last_line())?;
        let report = peer.reports().then(|| {
            producer.ends_within(REPORTING);
            consumer.ends_within(REPORTING);
            consumer_report::read(&report(folder.path())).with_context(|| consumer.last_line())
        });
        let report = report.transpose()?;
        let (latency_us, all_frames_p50_us) = match seen {
            Some(seen) => {
                let seen = seen?;
                (latency(&fed, &seen, args.warm), Some(latency(&fed, &seen, 0).p50))
            }
            None if peer.is_ours() => (captured_to_decoded(&frames(folder.path()), args.warm as u64)?, None),
            None => (report.as_ref().map(|report| report.total_us).unwrap_or_default(), None),
        };
        let shown = latency_us.count;
        ensure!(shown > 0, "no frame was seen; {}; {}", consumer.last_line(), producer.last_line());
        Ok(Some(PeerRound {
            round,
            shown,
            of: (args.frames - args.warm) as u64,
            latency_us,
            all_frames_p50_us,
            feeder_late_max_us: fed.late_max.as_micros() as u64,
            consumer_report: report,
        }))
    }

    /// The values in the command lines.
    fn values(
        &self,
        peer: &Peer,
        broker: Option<&str>,
        topic: &str,
        folder: &Path,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let (args, port) = (self.args, free_port()?);
        let path = |path: PathBuf| path.display().to_string();
        Ok(vec![
            ("vidprod", built("vidprod").map(path).unwrap_or_default()),
            ("vidcons", built("vidcons").map(path).unwrap_or_default()),
            ("python", self.python.to_owned()),
            ("script", path(root().join("benches/peers").join(peer.script))),
            ("broker", broker.unwrap_or_default().to_owned()),
            ("address", broker.map_or_else(|| format!("127.0.0.1:{port}"), str::to_owned)),
            ("port", port.to_string()),
            ("topic", topic.to_owned()),
            ("report", path(report(folder))),
            ("frames", path(frames(folder))),
            ("size", args.size.pixels()),
            ("warm", args.warm.to_string()),
            ("quality", args.quality.to_string()),
        ])
    }

    /// Feeds the frames and watches the screen; the second result is `None` without a screen.
    fn feed_and_watch(
        &self,
        pipe: ChildStdin,
        watcher: Option<&Watcher>,
    ) -> (anyhow::Result<FeedTimes>, Option<anyhow::Result<Sightings>>) {
        let (stop, control, frames) = (AtomicBool::new(false), self.control, self.args.frames);
        thread::scope(|threads| {
            let watching = watcher.map(|watcher| threads.spawn(|| watcher.watch(frames, control.clock, &stop)));
            let fed = feeder::feed(pipe, self.clip, (frames, self.args.fps), control);
            let until = control.clock.now().plus(if fed.is_ok() { STRAGGLERS } else { Duration::ZERO });
            while watching.as_ref().is_some_and(|thread| !thread.is_finished())
                && control.clock.now() < until
                && !control.interrupted()
            {
                control.sleep(Duration::from_millis(20));
            }
            stop.store(true, Ordering::Relaxed);
            let seen = watching.map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("the watcher panicked"))));
            (fed, seen)
        })
    }
}

/// Starts a program with its output in a file called `name`.
fn start(
    name: &str,
    words: &[String],
    display: Option<&str>,
    pipe: Pipe,
    folder: &Path,
) -> anyhow::Result<LoggedChild> {
    let (program, args) = words.split_first().context("a program's name")?;
    let program = Program::at(program).args(args);
    let program = display.into_iter().fold(program, |program, display| program.env("DISPLAY", display));
    program.start_logged(name, pipe, &folder.join(name))
}

/// The file for the consumer's report.
fn report(folder: &Path) -> PathBuf {
    folder.join("report.json")
}

/// The file to which vidcons writes a line for each frame.
fn frames(folder: &Path) -> PathBuf {
    folder.join("frames.csv")
}

/// The latency of the frames from number `from` on that were seen.
fn latency(fed: &FeedTimes, seen: &Sightings, from: usize) -> Summary {
    let mut latency = Latency::default();
    let both = fed.began.iter().zip(seen).skip(from);
    both.filter_map(|(began, seen)| Some(seen.as_ref()?.since(*began))).for_each(|time| latency.record(time));
    Summary::from(&latency)
}
