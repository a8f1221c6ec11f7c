//! One run of the real programs, end to end: vidprod writes to a topic, vidcons reads from it, and both report at their
//! end.
//!
//! The programs are those in this program's folder. The viewers start first and get time to read. Then the producers
//! play, and are interrupted when their time is up, so that every source ends in the same way.

mod result;
#[cfg(test)]
pub mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use common::report::Report;
use tempfile::TempDir;
use testkit::Program;
use testkit::child::{LoggedChild, Pipe};
use testkit::workspace::built;

pub use self::result::EndToEndResult;
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::cpu::CpuTime;
use crate::display::Display;
use crate::messages::topic::{BenchTopic, TopicSettings};
use crate::options::TimeArgs;
use crate::pace::count;
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
    /// One source and one viewer of the test card, with vidprod's defaults.
    pub fn new(size: &PictureSize, fps: f64, times: &TimeArgs) -> EndToEndSetup {
        EndToEndSetup {
            clip: None,
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
    pub broker: &'a BenchBroker,
    /// `None` to run without windows.
    pub display: Option<&'a Display>,
    pub control: Control<'a>,
}

/// Runs the programs with a topic of their own, which is deleted afterwards.
pub fn run(setup: &EndToEndSetup, place: Surroundings<'_>) -> anyhow::Result<EndToEndResult> {
    let topic = BenchTopic::create(&place.broker.address, &TopicSettings::default(), place.control.clock)?;
    run_in(&topic, setup, place)
}

/// Runs the programs with an existing topic.
pub fn run_in(topic: &BenchTopic, setup: &EndToEndSetup, place: Surroundings<'_>) -> anyhow::Result<EndToEndResult> {
    let (folder, control) = (TempDir::new().context("a folder for the reports")?, place.control);
    let start = |name: &str, index: usize, args: Vec<String>| {
        ReportingProgram::start(name, args, topic, place, &folder.path().join(format!("{name}-{index}")))
    };
    let viewer = |i| start("vidcons", i, viewer_args(setup, i, place.display.is_some()));
    let viewers = (0..setup.viewers).map(viewer).collect::<anyhow::Result<Vec<_>>>()?;
    if !viewers.is_empty() {
        control.sleep(VIEWERS_FIRST);
    }
    let producer = |i| start("vidprod", i, producer_args(setup, i));
    let producers = (0..setup.sources).map(producer).collect::<anyhow::Result<Vec<_>>>()?;
    let now = || anyhow::Ok((control.clock.now(), cpu_time(&producers)?, cpu_time(&viewers)?));
    control.sleep(setup.warmup);
    let warm = now()?;
    control.sleep(setup.seconds);
    let steady = now()?;
    producers.iter().try_for_each(|producer| producer.child.interrupt())?;
    let producers = producers.into_iter().map(ReportingProgram::end).collect::<anyhow::Result<Vec<_>>>()?;
    control.check()?;
    let viewers = viewers.into_iter().map(ReportingProgram::end).collect::<anyhow::Result<Vec<_>>>()?;
    let (window, producers_cpu) = (steady.0.since(warm.0), steady.1.since(&warm.1));
    let counts = !producers_cpu.is_zero();
    ensure!(counts, "this system does not count the processor time of threads (/proc/PID/task/TID/schedstat)");
    Ok(EndToEndResult { producers, viewers, window, producers_cpu, viewers_cpu: steady.2.since(&warm.2) })
}

/// A vidprod or vidcons that writes a report at its end.
struct ReportingProgram {
    child: LoggedChild,
    report: PathBuf,
}

impl ReportingProgram {
    /// `files` is the path of its log and report, without their extensions.
    fn start(
        name: &str,
        args: Vec<String>,
        topic: &BenchTopic,
        place: Surroundings<'_>,
        files: &Path,
    ) -> anyhow::Result<ReportingProgram> {
        let report = files.with_extension("json");
        let program = Program::at(built(name)?)
            .args(args)
            .args(["-b", &place.broker.address, "-t", &topic.name, "--quiet", "--report"])
            .arg(&report);
        let program = place.display.into_iter().fold(program, |program, one| program.env("DISPLAY", &one.name));
        let child = program.start_logged(name, Pipe::None, &files.with_extension("log"))?;
        Ok(ReportingProgram { child, report })
    }

    /// Waits until it ends; returns its report.
    fn end(self) -> anyhow::Result<Report> {
        self.child.end_well(END_TIMEOUT)?;
        let file = File::open(&self.report).with_context(|| format!("reading {}", self.report.display()))?;
        serde_json::from_reader(std::io::BufReader::new(file))
            .with_context(|| format!("{} is no report of ours: build all with make build", self.report.display()))
    }
}

fn cpu_time(programs: &[ReportingProgram]) -> anyhow::Result<CpuTime> {
    CpuTime::of(programs.iter().map(|program| program.child.id()))
}

fn viewer_args(setup: &EndToEndSetup, index: usize, window: bool) -> Vec<String> {
    let skip = count(setup.warmup, setup.fps).to_string();
    let source = source(index % setup.sources.max(1));
    let mut args = vec!["-e", "--idle-timeout", IDLE, "--skip", &skip, "--source", &source];
    args.push(if window { "--borderless" } else { "--headless" });
    if setup.verify_pixels && setup.clip.is_none() {
        args.push("--verify-pixels");
    }
    args.into_iter().map(str::to_owned).collect()
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
