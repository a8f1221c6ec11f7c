//! One run of the real programs, end to end: vidprod writes to a topic, vidcons reads from it, and both report at their
//! end.
//!
//! The programs are those in this program's folder. The viewers start first and get time to read. Then the producers
//! play, and are interrupted when their time is up, so that every source ends in the same way.

#[cfg(test)]
pub mod tests;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use common::draw::PixelCheck;
use common::report::{Report, Summary};
use common::words;
use tempfile::TempDir;
use testkit::Program;
use testkit::child::{LoggedChild, Pipe};
use testkit::display::Display;
use testkit::program::peak_mb;
use testkit::workspace::built;

use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::cpu::CpuTime;
use crate::messages::topic::{BenchTopic, TopicSettings};
use crate::options::TimeArgs;
use crate::schedule::count;
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
    /// More arguments of each viewer.
    pub viewer_args: Vec<String>,
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
            viewer_args: Vec::new(),
        }
    }
}

/// The reports of the programs, and the processor time that they used.
#[derive(Clone, Debug)]
pub struct EndToEndResult {
    pub producers: Vec<Report>,
    pub viewers: Vec<Report>,
    /// Time from the end of the warm-up until the producers were interrupted.
    pub window: Duration,
    /// Processor time of all vidprods in this time.
    pub producers_cpu: Duration,
    /// Processor time of all vidcons in this time.
    pub viewers_cpu: Duration,
    /// Largest memory use of a vidcons, in MB.
    pub viewers_peak_mb: u64,
}

impl fmt::Display for EndToEndResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.slowest(|total| total.p50) / 1e3, self.slowest(|total| total.p99) / 1e3);
        write!(f, "p50 {p50:.2} p99 {p99:.2} ms, {} of {} lost", self.lost(), self.captured())?;
        match self.saw_nothing() {
            0 => Ok(()),
            viewers => write!(f, ", {} showed nothing", words::count(viewers, "viewer")),
        }
    }
}

impl EndToEndResult {
    /// A percentile of the latency in µs, of the viewer with the largest.
    pub fn slowest(&self, percentile: fn(&Summary) -> u64) -> f64 {
        self.viewers.iter().map(|viewer| percentile(&viewer.sums.latency_us.total)).max().unwrap_or(0) as f64
    }

    /// Number of frames of the watched sources, counted for each viewer.
    pub fn captured(&self) -> u64 {
        let captured = |source: &Report| source.sums.frames.captured.unwrap_or(0);
        self.producers.iter().cycle().take(self.viewers.len()).map(captured).sum()
    }

    pub fn shown(&self) -> u64 {
        self.viewers.iter().filter_map(|viewer| viewer.sums.frames.shown).sum()
    }

    pub fn lost(&self) -> u64 {
        self.captured().saturating_sub(self.shown())
    }

    /// Number of viewers without any latency in their report.
    pub fn saw_nothing(&self) -> usize {
        self.viewers.iter().filter(|viewer| viewer.sums.latency_us.total.count == 0).count()
    }

    /// Fails if a viewer has no latency figures.
    pub fn seen(self) -> Result<EndToEndResult> {
        ensure!(self.saw_nothing() == 0, "a viewer showed nothing after the warm-up");
        Ok(self)
    }

    /// Processor time per frame in µs after the warm-up: that of all vidprods divided by the frames that they encoded,
    /// and that of all vidcons divided by the frames that they received, decoded or not.
    pub fn cpu_us_a_frame(&self) -> [(&'static str, f64); 2] {
        let encoded = self.producers.iter().filter_map(|p| p.sums.frames.encoded).sum();
        let received = self.viewers.iter().filter_map(|v| v.sums.frames.received).sum();
        // The number of frames in the measured window is computed from the rate of the whole run. That rate is frames
        // over the time played, because viewers also wait before the first frame.
        let played = self.producers.iter().map(|p| p.seconds).fold(0.0, f64::max);
        let in_window = |frames: u64| frames as f64 / played * self.window.as_secs_f64();
        let cpu_us = |used: Duration, frames: u64| used.as_secs_f64() * 1e6 / in_window(frames).max(1.0);
        [("vidprod", cpu_us(self.producers_cpu, encoded)), ("vidcons", cpu_us(self.viewers_cpu, received))]
    }

    /// Errors in the result: counts that do not balance, stages that do not add up, pictures that cannot be read back.
    pub fn faults(&self) -> Vec<String> {
        let both = self.producers.iter().chain(&self.viewers);
        let mut faults = Vec::new();
        for Report { program, sums, pixels, .. } in both {
            if !sums.balanced {
                faults.push(format!("the books of {program} do not balance"));
            }
            if sums.counts.untiled > 0 {
                faults.push(format!("{program}: the stages of {} frames do not tile", sums.counts.untiled));
            }
            match pixels {
                Some(PixelCheck { checked: 0, .. }) => faults.push(format!("{program}: no picture was read back")),
                // A picture that differs makes vidcons itself end with an error.
                Some(PixelCheck { checked, agreed, .. }) if agreed < checked => {
                    faults
                        .push(format!("{program}: {} of {checked} pictures could not be read back", checked - agreed));
                }
                _ => {}
            }
        }
        faults
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
pub fn run(setup: &EndToEndSetup, place: Surroundings<'_>) -> Result<EndToEndResult> {
    let topic = BenchTopic::create(&place.broker.address, &TopicSettings::default(), place.control.clock)?;
    run_in(&topic, setup, place)
}

/// Runs the programs with an existing topic.
pub fn run_in(topic: &BenchTopic, setup: &EndToEndSetup, place: Surroundings<'_>) -> Result<EndToEndResult> {
    let (folder, control) = (TempDir::new().context("a folder for the reports")?, place.control);
    let start = |name: &str, index: usize, args: Vec<String>| {
        let report = folder.path().join(format!("{name}-{index}.json"));
        let program = Program::at(built(name)?)
            .args(args)
            .args(["-b", &place.broker.address, "-t", &topic.name, "--quiet", "--report"])
            .arg(&report);
        let program = place.display.into_iter().fold(program, |program, one| program.env("DISPLAY", &one.name));
        let child = program.start_logged(name, Pipe::None, &report.with_extension("log"))?;
        anyhow::Ok(ReportingProgram { child, report })
    };
    let viewer = |i| start("vidcons", i, viewer_args(setup, i, place.display.is_some()));
    let viewers = (0..setup.viewers).map(viewer).collect::<Result<Vec<_>>>()?;
    if !viewers.is_empty() {
        control.sleep(VIEWERS_FIRST);
    }
    let producer = |i| start("vidprod", i, producer_args(setup, i));
    let producers = (0..setup.sources).map(producer).collect::<Result<Vec<_>>>()?;
    let now = || anyhow::Ok((control.clock.now(), cpu_time(&producers)?, cpu_time(&viewers)?));
    control.sleep(setup.warmup);
    let warm = now()?;
    control.sleep(setup.seconds);
    let steady = now()?;
    let viewers_peak_mb = viewers.iter().map(|viewer| peak_mb(viewer.child.id())).max().unwrap_or(0);
    producers.iter().try_for_each(|producer| producer.child.interrupt())?;
    let producers = producers.into_iter().map(ReportingProgram::end).collect::<Result<Vec<_>>>()?;
    control.check()?;
    let viewers = viewers.into_iter().map(ReportingProgram::end).collect::<Result<Vec<_>>>()?;
    let (window, producers_cpu) = (steady.0.since(warm.0), steady.1.since(&warm.1));
    let counts = !producers_cpu.is_zero();
    ensure!(counts, "this system does not count the processor time of threads (/proc/PID/task/TID/schedstat)");
    let viewers_cpu = steady.2.since(&warm.2);
    Ok(EndToEndResult { producers, viewers, window, producers_cpu, viewers_cpu, viewers_peak_mb })
}

/// A vidprod or vidcons that writes a report at its end.
struct ReportingProgram {
    child: LoggedChild,
    report: PathBuf,
}

impl ReportingProgram {
    /// Waits until it ends; returns its report.
    fn end(self) -> Result<Report> {
        self.child.end_well(END_TIMEOUT)?;
        let file = File::open(&self.report).with_context(|| format!("reading {}", self.report.display()))?;
        serde_json::from_reader(std::io::BufReader::new(file))
            .with_context(|| format!("{} is no report of ours: build all with make build", self.report.display()))
    }
}

fn cpu_time(programs: &[ReportingProgram]) -> Result<CpuTime> {
    CpuTime::of(programs.iter().map(|program| program.child.id()))
}

fn viewer_args(setup: &EndToEndSetup, index: usize, window: bool) -> Vec<String> {
    let (skip, source) = (count(setup.warmup, setup.fps), source(index % setup.sources.max(1)));
    let show = if window { "--borderless" } else { "--headless" };
    let verify = if setup.verify_pixels && setup.clip.is_none() { "--verify-pixels" } else { "" };
    let line = format!("-e --idle-timeout {IDLE} --skip {skip} --source {source} {show} {verify}");
    line.split_whitespace().map(str::to_owned).chain(setup.viewer_args.iter().cloned()).collect()
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
