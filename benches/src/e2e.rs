//! One run of the real programs, end to end: vidprod writes to a topic, vidcons reads from it, and both report at their
//! end.
//!
//! The programs are those in this program's folder. The viewers start first and get time to read. Then the producers
//! play, and are interrupted when their time is up, so that every source ends in the same way.

mod ran;
mod steady;
#[cfg(test)]
pub mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use cli::shutdown::Shutdown;
use common::report::Report;
use common::time::Clock;
use tempfile::TempDir;

pub use self::ran::Ran;
pub use self::steady::Steady;
use self::steady::Taken;
use crate::acks::Acks;
use crate::brokers::Broker;
use crate::display::Display;
use crate::running::{Piped, Running, program};
use crate::schedule;
use crate::size::Size;
use crate::topic::{Topic, Wishes};

/// Time from the start of the viewers to the start of the producers.
const VIEWERS_FIRST: Duration = Duration::from_millis(1200);
/// Time for a program to end after it was interrupted, or after its source ended.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest sleep, so that Ctrl-C is noticed soon.
const NAP: Duration = Duration::from_millis(100);
/// Seconds without a frame after which a viewer ends by itself.
const IDLE: &str = "60";

/// The video that is played.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Input {
    /// vidprod's test card: the same moving picture in every run, except for the time drawn into it.
    #[default]
    TestCard,
    /// A file, in a loop.
    Clip(PathBuf),
}

/// The settings of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Setup {
    pub input: Input,
    pub size: Size,
    pub fps: f64,
    pub acks: Acks,
    /// `None` for the topic's own limit.
    pub message_bytes_max: Option<usize>,
    pub sources: usize,
    /// Number of viewers. They show the sources in turn, and start again at the first after the last.
    pub viewers: usize,
    /// Time before measuring begins.
    pub warmup: Duration,
    pub seconds: Duration,
    /// True if each picture of a test card is compared with its headers.
    pub verify_pixels: bool,
}

/// The surroundings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub broker: &'a Broker,
    /// `None` to run without windows.
    pub display: Option<&'a Display>,
    pub clock: &'a dyn Clock,
    pub shutdown: &'a Shutdown,
}

/// Runs the programs with a topic of this name, which is deleted afterwards; `None` after Ctrl-C.
pub fn run(setup: &Setup, topic: &str, place: Place<'_>) -> anyhow::Result<Option<Ran>> {
    let _topic = Topic::create(&place.broker.address, topic, &Wishes::default(), place.clock)?;
    run_in(setup, topic, place)
}

/// Runs the programs with an existing topic.
pub fn run_in(setup: &Setup, topic: &str, place: Place<'_>) -> anyhow::Result<Option<Ran>> {
    let folder = TempDir::new().context("a folder for the reports")?;
    let play = Play { setup, topic, place, folder: folder.path() };
    let viewers = play.start("vidcons", setup.viewers, |i| viewer_args(setup, i, place.display.is_some()))?;
    if !viewers.is_empty() {
        play.sleep(VIEWERS_FIRST);
    }
    let producers = play.start("vidprod", setup.sources, |i| producer_args(setup, i))?;
    let steady = play.steady(&producers, &viewers)?;
    producers.iter().try_for_each(Running::interrupt)?;
    play.end(producers)?;
    if place.shutdown.asked() {
        return Ok(None);
    }
    play.end(viewers)?;
    ensure!(
        !steady.producers.is_zero(),
        "this system does not count what a thread takes (/proc/PID/task/TID/schedstat)"
    );
    let (producers, viewers) = (play.reports("vidprod", setup.sources)?, play.reports("vidcons", setup.viewers)?);
    Ok(Some(Ran { producers, viewers, steady }))
}

/// A run in progress.
struct Play<'a> {
    setup: &'a Setup,
    topic: &'a str,
    place: Place<'a>,
    /// The folder in which the programs write their reports.
    folder: &'a Path,
}

impl Play<'_> {
    fn start(&self, of: &str, count: usize, args: impl Fn(usize) -> Vec<String>) -> anyhow::Result<Vec<Running>> {
        let display = self.place.display.map(|display| display.name.as_str());
        let start = |index: usize| {
            let mut argv = vec![program(of)?.display().to_string()];
            argv.extend(args(index));
            argv.extend(["-b", &self.place.broker.address, "-t", self.topic, "--quiet", "--report"].map(str::to_owned));
            argv.push(self.report(of, index).display().to_string());
            Running::start(&format!("{of}-{index}"), &argv, display, Piped::Nothing, self.folder)
        };
        (0..count).map(start).collect()
    }

    /// Lets the programs warm up, then measures their processor time while they play.
    fn steady(&self, producers: &[Running], viewers: &[Running]) -> anyhow::Result<Steady> {
        self.sleep(self.setup.warmup);
        let warm = Taken::so_far(producers, viewers, self.place.clock)?;
        self.sleep(self.setup.seconds);
        Ok(Taken::so_far(producers, viewers, self.place.clock)?.since(&warm))
    }

    fn end(&self, programs: Vec<Running>) -> anyhow::Result<()> {
        programs.into_iter().try_for_each(|running| running.end_well(PATIENCE, self.place.clock))
    }

    fn report(&self, program: &str, index: usize) -> PathBuf {
        self.folder.join(format!("{program}-{index}.json"))
    }

    fn reports(&self, program: &str, count: usize) -> anyhow::Result<Vec<Report>> {
        (0..count).map(|index| read_report(&self.report(program, index))).collect()
    }

    fn sleep(&self, time: Duration) {
        let Place { clock, shutdown, .. } = self.place;
        let until = clock.now().plus(time);
        while clock.now() < until && !shutdown.asked() {
            clock.sleep_until(until.min(clock.now().plus(NAP)));
        }
    }
}

fn viewer_args(setup: &Setup, index: usize, window: bool) -> Vec<String> {
    let skip = schedule::count(setup.warmup, setup.fps).to_string();
    let source = source(index % setup.sources.max(1));
    let mut args: Vec<String> =
        ["-e", "--idle-timeout", IDLE, "--skip", &skip, "--source", &source].map(str::to_owned).into();
    args.push(if window { "--borderless" } else { "--headless" }.to_owned());
    if setup.verify_pixels && setup.input == Input::TestCard {
        args.push("--verify-pixels".to_owned());
    }
    args
}

fn producer_args(setup: &Setup, index: usize) -> Vec<String> {
    let Setup { size, fps, acks, .. } = setup;
    let mut args = match &setup.input {
        Input::TestCard => vec!["test".to_owned()],
        Input::Clip(path) => vec![path.display().to_string(), "--loop".to_owned()],
    };
    args.extend(["--size", &size.pixels(), "--fps", &fps.to_string(), "--source", &source(index)].map(str::to_owned));
    if *acks != Acks::All {
        args.extend(["-X".to_owned(), format!("acks={acks}")]);
    }
    if let Some(bytes) = setup.message_bytes_max {
        args.extend(["--max-message-bytes".to_owned(), bytes.to_string()]);
    }
    args
}

fn source(index: usize) -> String {
    format!("source-{}", index + 1)
}

fn read_report(path: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is no report of ours: build all with make build", path.display()))
}
