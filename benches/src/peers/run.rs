//! One run of one line: starts its consumer, then its producer, then feeds the frames.

use std::path::Path;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use cli::shutdown::Shutdown;
use common::report::Summary;
use common::time::{Clock, Latency};

use super::clip::Clip;
use super::feeder::{self, Fed};
use super::line::{Around, Line};
use super::options::PeersOptions;
use super::told::{self, Told};
use super::watcher::{Sightings, Watcher};
use crate::display::Display;
use crate::running::{Piped, Running};

/// Time after the last frame was fed, for frames still in flight.
const STRAGGLERS: Duration = Duration::from_secs(3);
/// Time for a consumer to end by itself and write its report.
const REPORTING: Duration = Duration::from_secs(10);

/// The figures of one run.
#[derive(Clone, Debug)]
pub struct Measured {
    pub line: Line,
    pub round: u32,
    /// The latency by which lines are compared: fed → seen on the screen, or captured → decoded.
    pub latency: Summary,
    /// Number of frames that count and were shown, and of those that count.
    pub shown: u64,
    pub of: u64,
    /// p50 of all frames that were seen, including the warm-up, in the way that the consumer's report counts them.
    pub seen_p50: Option<u64>,
    pub told: Option<Told>,
    pub feeder_late_max: Duration,
}

/// Runs one line; `None` after Ctrl-C.
pub fn run(
    (line, round): (Line, u32),
    around: &Around<'_>,
    clip: &Clip,
    folder: &Path,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Measured>> {
    let options = around.options;
    let commands = line.commands(around)?;
    // The screen is as large as the picture.
    let size = (options.size.width, options.size.height);
    let screen = (!options.headless).then(|| Display::own(size)).transpose()?;
    let display = screen.as_ref().map(|screen| screen.name.as_str());
    let watcher = display.map(|display| Watcher::connect(display, options.place)).transpose()?;
    let mut consumer = Running::start("the consumer", &commands.consumer, display, Piped::Nothing, folder)?;
    clock.sleep_until(clock.now().plus(options.settle));
    ensure!(!consumer.has_ended(), "the consumer ended before anything was sent; {}", consumer.last_words());
    let mut producer = Running::start("the producer", &commands.producer, display, Piped::Input, folder)?;
    let pipe = producer.input()?;
    let (fed, seen) = feed_and_watch(pipe, watcher.as_ref(), options, clip, clock, shutdown);
    if shutdown.asked() {
        return Ok(None);
    }
    let fed = fed.with_context(|| producer.last_words())?;
    let told = line.tells().then(|| {
        producer.ends_within(REPORTING, clock);
        consumer.ends_within(REPORTING, clock);
        Told::read(around.report).with_context(|| consumer.last_words())
    });
    let measured = Measured {
        line,
        round,
        latency: Summary::default(),
        shown: 0,
        of: (options.frames - options.warm) as u64,
        seen_p50: None,
        told: told.transpose()?,
        feeder_late_max: fed.late_max,
    };
    let measured = match seen {
        Some(seen) => from_screen(measured, &fed, &seen?, options),
        None => from_told(measured, around)?,
    };
    ensure!(measured.shown > 0, "no frame was seen; {}; {}", consumer.last_words(), producer.last_words());
    Ok(Some(measured))
}

/// Feeds the frames and watches the screen; the second result is `None` without a screen.
fn feed_and_watch(
    pipe: ChildStdin,
    watcher: Option<&Watcher>,
    options: &PeersOptions,
    clip: &Clip,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (anyhow::Result<Fed>, Option<anyhow::Result<Sightings>>) {
    let stop = AtomicBool::new(false);
    thread::scope(|threads| {
        let watching = watcher.map(|watcher| threads.spawn(|| watcher.watch(options.frames, clock, &stop)));
        let fed = feeder::feed(pipe, clip, (options.frames, options.fps), clock, shutdown);
        let until = clock.now().plus(if fed.is_ok() && !shutdown.asked() { STRAGGLERS } else { Duration::ZERO });
        while watching.as_ref().is_some_and(|thread| !thread.is_finished()) && clock.now() < until {
            clock.sleep_until(clock.now().plus(Duration::from_millis(20)));
        }
        stop.store(true, Ordering::Relaxed);
        let seen = watching.map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("the watcher panicked"))));
        (fed, seen)
    })
}

fn from_screen(measured: Measured, fed: &Fed, seen: &Sightings, options: &PeersOptions) -> Measured {
    let latency = |from: usize| {
        let mut latency = Latency::default();
        let both = fed.began.iter().zip(seen).skip(from).filter_map(|(began, seen)| Some(seen.as_ref()?.since(*began)));
        both.for_each(|took| latency.record(took));
        latency
    };
    let summary = Summary::from(&latency(options.warm));
    let all = Summary::from(&latency(0));
    Measured { shown: summary.count, latency: summary, seen_p50: Some(all.p50), ..measured }
}

fn from_told(measured: Measured, around: &Around<'_>) -> anyhow::Result<Measured> {
    let latency = match &measured.told {
        Some(_) if measured.line.is_ours() => told::captured_to_decoded(&around.frames(), around.options.warm as u64)?,
        Some(told) => told.latency_us.total,
        None => Summary::default(),
    };
    Ok(Measured { shown: latency.count, latency, ..measured })
}
