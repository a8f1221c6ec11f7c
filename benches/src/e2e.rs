//! One run of the real programs, end to end: vidprod into a topic, vidcons out of it, and what both say at their end.
//!
//! The programs are those that lie beside this one. The viewers come first and are given time to read; then the producers
//! play, and are interrupted when their time is up, so that every source ends in the same way.

mod steady;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use common::clock::Clock;
use common::pixels::PixelCheck;
use common::report::Report;
use shell::shutdown::Shutdown;
use tempfile::TempDir;

pub use self::steady::Steady;
use self::steady::Taken;
use crate::acks::Acks;
use crate::brokers::Broker;
use crate::display::Display;
use crate::running::{Piped, Running, program};
use crate::schedule;
use crate::size::Size;
use crate::topic::{Topic, Wishes};

/// From the viewers' start to the producers'.
const VIEWERS_FIRST: Duration = Duration::from_millis(1200);
/// How long a program may take to end after it was asked to, or after its source did.
const PATIENCE: Duration = Duration::from_secs(20);
/// No wait is longer, so that Ctrl-C is noticed.
const NAP: Duration = Duration::from_millis(100);
/// A viewer that nobody interrupts ends by itself.
const IDLE: &str = "60";

/// What is played.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Input {
    /// vidprod's own: the same moving picture in every run, but for the clock drawn into it.
    #[default]
    TestCard,
    /// A file, over and over.
    Clip(PathBuf),
}

/// How the programs are run.
#[derive(Clone, PartialEq, Debug)]
pub struct Setup {
    pub input: Input,
    pub size: Size,
    pub fps: f64,
    pub acks: Acks,
    /// `None`: what the topic says.
    pub message_bytes_max: Option<usize>,
    pub sources: usize,
    /// The first shows the first source, the next the next one, and round again.
    pub viewers: usize,
    /// Not measured, before what is.
    pub warmup: Duration,
    pub seconds: Duration,
    /// Each picture of a test card is held against its headers.
    pub verify_pixels: bool,
}

/// Where they are run.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub broker: &'a Broker,
    /// `None`: headless.
    pub display: Option<&'a Display>,
    pub clock: &'a dyn Clock,
    pub shutdown: &'a Shutdown,
}

/// What the programs reported, and what they took.
#[derive(Clone, Debug)]
pub struct Ran {
    pub producers: Vec<Report>,
    pub viewers: Vec<Report>,
    pub steady: Steady,
}

/// Runs it in a topic of that name, which is gone afterwards; `None` after Ctrl-C.
pub fn run(setup: &Setup, topic: &str, place: Place<'_>) -> anyhow::Result<Option<Ran>> {
    let _topic = Topic::create(&place.broker.address, topic, &Wishes::default(), place.clock)?;
    run_in(setup, topic, place)
}

/// The same in a topic that is there.
pub fn run_in(setup: &Setup, topic: &str, place: Place<'_>) -> anyhow::Result<Option<Ran>> {
    let Place { broker, clock, shutdown, .. } = place;
    let folder = TempDir::new().context("a folder for the reports")?;
    let report = |name: &str| folder.path().join(format!("{name}.json"));
    let display = place.display.map(|display| display.name.as_str());
    let start = |of: &str, args: Vec<String>, name: &str| {
        let mut argv = vec![program(of)?.display().to_string()];
        argv.extend(args);
        argv.extend(["-b", &broker.address, "-t", topic, "--quiet", "--report"].map(str::to_owned));
        argv.push(report(name).display().to_string());
        Running::start(name, &argv, display, Piped::Nothing, folder.path())
    };
    let viewers = (0..setup.viewers)
        .map(|i| start("vidcons", viewer_args(setup, i, place.display.is_some()), &format!("vidcons-{i}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if !viewers.is_empty() {
        sleep(VIEWERS_FIRST, clock, shutdown);
    }
    let producers = (0..setup.sources)
        .map(|i| start("vidprod", producer_args(setup, i), &format!("vidprod-{i}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    sleep(setup.warmup, clock, shutdown);
    let warm = Taken::so_far(&producers, &viewers, clock)?;
    sleep(setup.seconds, clock, shutdown);
    let steady = Taken::so_far(&producers, &viewers, clock)?.since(&warm);
    producers.iter().try_for_each(Running::interrupt)?;
    producers.into_iter().try_for_each(|running| running.end_well(PATIENCE, clock))?;
    if shutdown.asked() {
        return Ok(None);
    }
    viewers.into_iter().try_for_each(|running| running.end_well(PATIENCE, clock))?;
    ensure!(
        !steady.producers.is_zero(),
        "this system does not count what a thread takes (/proc/PID/task/TID/schedstat)"
    );
    let read = |program: &str, count: usize| {
        (0..count).map(|i| read_report(&report(&format!("{program}-{i}")))).collect::<anyhow::Result<Vec<_>>>()
    };
    Ok(Some(Ran { producers: read("vidprod", setup.sources)?, viewers: read("vidcons", setup.viewers)?, steady }))
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

fn read_report(path: &std::path::Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is no report of ours: build all with make build", path.display()))
}

fn sleep(time: Duration, clock: &dyn Clock, shutdown: &Shutdown) {
    let until = clock.now().plus(time);
    while clock.now() < until && !shutdown.asked() {
        clock.sleep_until(until.min(clock.now().plus(NAP)));
    }
}

impl Ran {
    /// How many viewers have no latency to tell.
    pub fn saw_nothing(&self) -> usize {
        self.viewers.iter().filter(|viewer| viewer.sums.latency_us.total.count == 0).count()
    }

    /// A run without figures is none.
    pub fn seen(self) -> anyhow::Result<Ran> {
        ensure!(self.saw_nothing() == 0, "a viewer showed nothing after the warm-up");
        Ok(self)
    }

    /// Processor time of a frame in µs, once all was warm: of all vidprods over what they encoded.
    pub fn producer_cpu_us(&self) -> f64 {
        self.cpu_us(self.steady.producers, self.producers.iter().filter_map(|p| p.sums.frames.encoded).sum())
    }

    /// The same of all vidcons over what they received, decoded or not.
    pub fn viewer_cpu_us(&self) -> f64 {
        self.cpu_us(self.steady.viewers, self.viewers.iter().filter_map(|v| v.sums.frames.received).sum())
    }

    /// Frames of the window, by the rate of the whole run: over the time that was played, as viewers wait before it.
    fn cpu_us(&self, taken: Duration, frames: u64) -> f64 {
        let played = self.producers.iter().map(|p| p.seconds).fold(0.0, f64::max);
        let frames = frames as f64 / played * self.steady.window.as_secs_f64();
        taken.as_secs_f64() * 1e6 / frames.max(1.0)
    }

    /// What must not be: books that do not balance, stages that do not tile, pictures that cannot be read back.
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
                // Those that disagree end vidcons itself with an error.
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

#[cfg(test)]
pub mod tests {
    use common::report::{Machine, Sums};

    use super::*;

    pub fn setup() -> Setup {
        Setup {
            input: Input::TestCard,
            size: "720p".parse().expect("a size"),
            fps: 30.0,
            acks: Acks::All,
            message_bytes_max: None,
            sources: 1,
            viewers: 1,
            warmup: Duration::from_secs(2),
            seconds: Duration::from_secs(10),
            verify_pixels: true,
        }
    }

    pub fn report(program: &str, change: impl FnOnce(&mut Sums)) -> Report {
        let mut sums = Sums { balanced: true, ..Sums::default() };
        change(&mut sums);
        Report {
            schema: common::report::SCHEMA,
            program: program.to_owned(),
            version: String::new(),
            started_ms: 0,
            seconds: 12.0,
            cpu_seconds: 0.0,
            sums,
            sources: std::collections::BTreeMap::new(),
            pixels: None,
            explain: common::explain::Explain::default(),
            settings: serde_json::Map::new(),
            machine: Machine::default(),
            versions: Default::default(),
        }
    }

    pub fn ran(producers: Vec<Report>, viewers: Vec<Report>) -> Ran {
        Ran { producers, viewers, steady: Steady::default() }
    }

    #[test]
    fn books_that_do_not_balance_and_stages_that_do_not_tile_are_faults() {
        let ran = |producer: Report, viewer: Report| ran(vec![producer], vec![viewer]).faults();
        let good = |program: &str| report(program, |_| {});
        assert_eq!(ran(good("vidprod"), good("vidcons")), [""; 0]);
        let unbalanced = ran(report("vidprod", |s| s.balanced = false), good("vidcons"));
        assert_eq!(unbalanced, ["the books of vidprod do not balance"]);
        let untiled = ran(good("vidprod"), report("vidcons", |s| s.counts.untiled = 3));
        assert_eq!(untiled, ["vidcons: the stages of 3 frames do not tile"]);
        let checked = |checked: u64, agreed: u64| {
            let pixels = Some(PixelCheck { checked, agreed, ..PixelCheck::default() });
            ran(good("vidprod"), Report { pixels, ..good("vidcons") })
        };
        assert_eq!(checked(90, 90), [""; 0]);
        assert_eq!(checked(90, 88), ["vidcons: 2 of 90 pictures could not be read back"]);
        assert_eq!(checked(0, 0), ["vidcons: no picture was read back"]);
    }

    #[test]
    fn a_viewer_that_showed_nothing_has_no_figures() {
        let showed = |count: u64| report("vidcons", |s| s.latency_us.total.count = count);
        let ran = |counts: &[u64]| ran(Vec::new(), counts.iter().map(|n| showed(*n)).collect());
        assert!(ran(&[1, 2]).seen().is_ok());
        assert!(ran(&[1, 0]).seen().is_err());
        assert_eq!(ran(&[0, 1, 0]).saw_nothing(), 2);
    }

    #[test]
    fn processor_time_is_that_of_the_window_over_its_frames() {
        let playing = |frames: u64, seconds: f64| {
            let played = report("vidprod", |s| s.frames.encoded = Some(frames));
            Report { seconds, cpu_seconds: 99.0, ..played }
        };
        let watching = |frames: u64| report("vidcons", |s| s.frames.received = Some(frames));
        let steady = Steady {
            window: Duration::from_secs(6),
            producers: Duration::from_millis(720),
            viewers: Duration::from_millis(360),
        };
        // 30 a second: 180 of them.
        let one = Ran { steady, ..ran(vec![playing(240, 8.0)], vec![watching(240)]) };
        assert_eq!((one.producer_cpu_us(), one.viewer_cpu_us()), (4000.0, 2000.0));
        // Two sources, of which one was superseded half the time, and a viewer that receives them all.
        let two = Ran { steady, ..ran(vec![playing(240, 8.0), playing(120, 8.0)], vec![watching(360)]) };
        assert_eq!((two.producer_cpu_us().round(), two.viewer_cpu_us().round()), (2667.0, 1333.0));
        let nothing = Ran { steady, ..ran(Vec::new(), Vec::new()) };
        assert_eq!(nothing.viewer_cpu_us(), 360_000.0, "of less than one frame");
    }

    #[test]
    fn the_programs_are_told_what_the_setup_says() {
        assert_eq!(producer_args(&setup(), 0).join(" "), "test --size 1280x720 --fps 30 --source source-1");
        let other =
            Setup { input: Input::Clip("a.mp4".into()), acks: Acks::One, message_bytes_max: Some(50_000), ..setup() };
        assert_eq!(
            producer_args(&other, 1).join(" "),
            "a.mp4 --loop --size 1280x720 --fps 30 --source source-2 -X acks=1 --max-message-bytes 50000"
        );
        let two = Setup { sources: 2, ..setup() };
        let args = viewer_args(&two, 3, false).join(" ");
        assert_eq!(args, "-e --idle-timeout 60 --skip 60 --source source-2 --headless --verify-pixels");
        let clip = Setup { input: Input::Clip("a.mp4".into()), ..two };
        assert!(!viewer_args(&clip, 0, true).contains(&"--verify-pixels".to_owned()), "it has no bar");
    }
}
