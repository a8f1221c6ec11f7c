//! One stage alone, at the frames' own pace: a loop at full speed would show times that are too good.

use std::time::Duration;

use common::time::Latency;

use crate::control::Control;
use crate::messages::schedule::{self, Schedule};

const LEAD: Duration = Duration::from_millis(100);

/// Frame rate and duration of a measurement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FloorPace {
    pub fps: f64,
    pub warmup: Duration,
    pub seconds: Duration,
}

impl FloorPace {
    /// Number of frames in the warm-up, and of those that are measured.
    pub fn counts(&self) -> (u64, u64) {
        (schedule::count(self.warmup, self.fps), schedule::count(self.seconds, self.fps))
    }
}

#[derive(Clone, Debug)]
pub struct AloneResult {
    pub time: Latency,
    /// Processor time per frame in µs, of all threads, so that the codec's worker threads are included.
    pub cpu_us: f64,
}

/// Calls `work` for each frame when it is due, and measures it; `None` after Ctrl-C.
pub fn measure(
    pace: FloorPace,
    control: Control<'_>,
    mut work: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Option<AloneResult>> {
    let clock = control.clock;
    let (warmup, count) = pace.counts();
    let schedule = Schedule::new(clock.now().plus(LEAD), pace.fps);
    let (mut time, mut cpu) = (Latency::default(), Duration::ZERO);
    for n in 0..warmup + count {
        clock.sleep_until(schedule.due(n));
        if control.interrupted() {
            return Ok(None);
        }
        let (cpu_before, before) = (cli::machine::cpu_time(), clock.now());
        work(n as usize)?;
        let took = clock.now().since(before);
        if n >= warmup {
            time.record(took);
            cpu += cli::machine::cpu_time().saturating_sub(cpu_before);
        }
    }
    Ok(Some(AloneResult { time, cpu_us: cpu.as_secs_f64() * 1e6 / count.max(1) as f64 }))
}

#[cfg(test)]
mod tests {
    use cli::shutdown::Shutdown;
    use common::time::ManualClock;

    use super::*;

    #[test]
    fn the_warm_up_is_done_and_not_counted() {
        let clock = ManualClock::default();
        let pace = FloorPace { fps: 10.0, warmup: Duration::from_secs(1), seconds: Duration::from_secs(2) };
        let mut done = Vec::new();
        let control = Control { clock: &clock, shutdown: &Shutdown::default() };
        let alone = measure(pace, control, |n| {
            done.push(n);
            clock.advance(Duration::from_millis(if n < 10 { 50 } else { 5 }));
            Ok(())
        });
        let alone = alone.unwrap().expect("nobody interrupts");
        assert_eq!(done, (0..30).collect::<Vec<_>>());
        assert_eq!((alone.time.histogram().len(), alone.time.histogram().max()), (20, 5003));
    }
}
