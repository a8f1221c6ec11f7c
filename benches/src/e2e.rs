//! One run of the real programs, end to end: vidprod writes to a topic, vidcons reads from it, and both report at their
//! end.
//!
//! The programs are those in this program's folder. The viewers start first and get time to read. Then the producers
//! play, and are interrupted when their time is up, so that every source ends in the same way.

mod result;
#[cfg(test)]
pub mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use common::report::Report;
use common::time::Micros;
use tempfile::TempDir;
use testkit::Program;
use testkit::child::{LoggedChild, Pipe};
use testkit::workspace::built;

pub use self::result::EndToEndResult;
use crate::brokers::StartedBroker;
use crate::control::Control;
use crate::cpu::CpuTime;
use crate::display::Display;
use crate::messages::schedule;
use crate::messages::topic::{BenchTopic, TopicSettings};
use crate::options::TimeArgs;
use crate::size::PictureSize;

/// Time from the start of the viewers to the start of the producers.
const VIEWERS_FIRST: Duration = Duration::from_millis(1200);
/// Time for a program to end after it was interrupted, or after its source ended.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// Seconds without a frame after which a viewer ends by itself.
const IDLE: &str = "60";

#[derive(Clone, PartialEq, Debug)]
pub struct EndToEndSetup {
    /// A file that is played in a loop, or `None` for vidprod's test card: the same moving picture in every run, except
    /// for the time drawn into it.
    pub clip: Option<PathBuf>,
    pub size: PictureSize,
    pub fps: f64,
    pub acks: String,
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

impl EndToEndSetup {
    /// One source and one viewer, with vidprod's defaults.
    pub fn new(clip: Option<&PathBuf>, size: &PictureSize, fps: f64, times: &TimeArgs) -> EndToEndSetup {
        EndToEndSetup {
            clip: clip.cloned(),
            size: size.clone(),
            fps,
            acks: "all".to_owned(),
            message_bytes_max: None,
            sources: 1,
            viewers: 1,
            warmup: times.warm(),
            seconds: times.seconds(),
            verify_pixels: false,
        }
    }
}

/// Where a run takes place.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    pub broker: &'a StartedBroker,
    /// `None` to run without windows.
    pub display: Option<&'a Display>,
    pub control: Control<'a>,
}

/// Runs the programs with a topic of this name, which is deleted afterwards; `None` after Ctrl-C.
pub fn run(setup: &EndToEndSetup, topic: &str, place: Surroundings<'_>) -> anyhow::Result<Option<EndToEndResult>> {
    let _topic = BenchTopic::create(&place.broker.address, topic, &TopicSettings::default(), place.control.clock)?;
    run_in(setup, topic, place)
}

/// Runs the programs with an existing topic.
pub fn run_in(setup: &EndToEndSetup, topic: &str, place: Surroundings<'_>) -> anyhow::Result<Option<EndToEndResult>> {
    let (folder, control) = (TempDir::new().context("a folder for the reports")?, place.control);
    let programs = Programs { topic, place, folder: folder.path() };
    let viewers = programs.start("vidcons", setup.viewers, |i| viewer_args(setup, i, place.display.is_some()))?;
    if !viewers.is_empty() {
        control.sleep(VIEWERS_FIRST);
    }
    let producers = programs.start("vidprod", setup.sources, |i| producer_args(setup, i))?;
    control.sleep(setup.warmup);
    let warm = CpuAt::now(&producers, &viewers, control)?;
    control.sleep(setup.seconds);
    let steady = CpuAt::now(&producers, &viewers, control)?;
    producers.iter().try_for_each(LoggedChild::interrupt)?;
    programs.end(producers)?;
    if control.interrupted() {
        return Ok(None);
    }
    programs.end(viewers)?;
    let since = |now: &[CpuTime], then: &[CpuTime]| now.iter().zip(then).map(|(now, then)| now.since(then)).sum();
    let result = EndToEndResult {
        producers: programs.reports("vidprod", setup.sources)?,
        viewers: programs.reports("vidcons", setup.viewers)?,
        window: steady.at.since(warm.at),
        producers_cpu: since(&steady.producers, &warm.producers),
        viewers_cpu: since(&steady.viewers, &warm.viewers),
    };
    let counts = !result.producers_cpu.is_zero();
    ensure!(counts, "this system does not count the processor time of threads (/proc/PID/task/TID/schedstat)");
    Ok(Some(result))
}

/// Processor time of each program at one moment.
#[derive(Debug)]
struct CpuAt {
    at: Micros,
    producers: Vec<CpuTime>,
    viewers: Vec<CpuTime>,
}

impl CpuAt {
    fn now(producers: &[LoggedChild], viewers: &[LoggedChild], control: Control<'_>) -> anyhow::Result<CpuAt> {
        let of = |programs: &[LoggedChild]| {
            programs.iter().map(|program| CpuTime::of(program.id())).collect::<anyhow::Result<Vec<_>>>()
        };
        Ok(CpuAt { at: control.clock.now(), producers: of(producers)?, viewers: of(viewers)? })
    }
}

/// The programs of a run.
struct Programs<'a> {
    topic: &'a str,
    place: Surroundings<'a>,
    /// The folder in which the programs write their reports.
    folder: &'a Path,
}

impl Programs<'_> {
    fn start(&self, name: &str, count: usize, args: impl Fn(usize) -> Vec<String>) -> anyhow::Result<Vec<LoggedChild>> {
        let start = |index: usize| {
            let mut program = Program::at(built(name)?)
                .args(args(index))
                .args(["-b", &self.place.broker.address, "-t", self.topic, "--quiet", "--report"])
                .arg(self.report(name, index));
            if let Some(display) = self.place.display {
                program = program.env("DISPLAY", display.name());
            }
            program.start_logged(
                &format!("{name}-{index}"),
                Pipe::None,
                &self.folder.join(format!("{name}-{index}.log")),
            )
        };
        (0..count).map(start).collect()
    }

    fn end(&self, programs: Vec<LoggedChild>) -> anyhow::Result<()> {
        programs.into_iter().try_for_each(|program| program.end_well(END_TIMEOUT))
    }

    fn report(&self, program: &str, index: usize) -> PathBuf {
        self.folder.join(format!("{program}-{index}.json"))
    }

    fn reports(&self, program: &str, count: usize) -> anyhow::Result<Vec<Report>> {
        (0..count).map(|index| read_report(&self.report(program, index))).collect()
    }
}

fn viewer_args(setup: &EndToEndSetup, index: usize, window: bool) -> Vec<String> {
    let skip = schedule::count(setup.warmup, setup.fps).to_string();
    let source = source(index % setup.sources.max(1));
    let mut args: Vec<String> =
        ["-e", "--idle-timeout", IDLE, "--skip", &skip, "--source", &source].map(str::to_owned).into();
    args.push(if window { "--borderless" } else { "--headless" }.to_owned());
    if setup.verify_pixels && setup.clip.is_none() {
        args.push("--verify-pixels".to_owned());
    }
    args
}

fn producer_args(setup: &EndToEndSetup, index: usize) -> Vec<String> {
    let EndToEndSetup { size, fps, acks, .. } = setup;
    let mut args = match &setup.clip {
        None => vec!["test".to_owned()],
        Some(path) => vec![path.display().to_string(), "--loop".to_owned()],
    };
    args.extend(["--size", &size.pixels(), "--fps", &fps.to_string(), "--source", &source(index)].map(str::to_owned));
    if acks != "all" {
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
