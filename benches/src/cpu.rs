//! Processor time that other programs have used, measured from outside.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The time of each thread, from `schedstat`. `/proc/PID/stat` has the sum, but in ticks of 10 ms, which is 0.06 ms for
/// each of 180 frames.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CpuTime(BTreeMap<String, Duration>);

impl CpuTime {
    /// The time of all threads of these programs.
    pub fn of(pids: impl IntoIterator<Item = u32>) -> Result<CpuTime> {
        let mut times = BTreeMap::new();
        for threads in pids.into_iter().map(|pid| format!("/proc/{pid}/task")) {
            for thread in fs::read_dir(&threads).with_context(|| format!("reading {threads}"))? {
                let thread = thread?;
                // A thread that has ended since the listing cannot be read.
                let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
                let time = parse(&text).with_context(|| format!("schedstat of a thread says {text:?}"))?;
                times.insert(thread.file_name().to_string_lossy().into_owned(), time);
            }
        }
        Ok(CpuTime(times))
    }

    /// The time used since `earlier`. A thread that has ended in between is left out, as it would count negatively.
    pub fn since(&self, earlier: &CpuTime) -> Duration {
        let before = |thread: &str| earlier.0.get(thread).copied().unwrap_or_default();
        self.0.iter().map(|(thread, time)| time.saturating_sub(before(thread))).sum()
    }
}

/// Parses three numbers; the first is the time on a processor, in ns.
fn parse(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_ns_on_a_processor() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(parse(text), expected.map(Duration::from_nanos));
        check("151292348 49251981 1315\n", Some(151_292_348));
        check("0 0 0\n", Some(0));
        check("", None);
        check("many 0 0", None);
    }

    #[test]
    fn threads_that_began_count_whole_and_those_that_ended_not_at_all() {
        let of = |threads: &[(&str, u64)]| {
            CpuTime(threads.iter().map(|(thread, ms)| ((*thread).to_owned(), Duration::from_millis(*ms))).collect())
        };
        let check = |before: &[(&str, u64)], after: &[(&str, u64)], ms: u64| {
            assert_eq!(of(after).since(&of(before)), Duration::from_millis(ms), "{before:?} {after:?}");
        };
        check(&[("1", 10), ("2", 20)], &[("1", 15), ("2", 20)], 5);
        check(&[("1", 10)], &[("1", 10), ("2", 7)], 7);
        check(&[("1", 10), ("2", 500)], &[("1", 15)], 5);
    }

    #[test]
    fn a_program_s_time_only_grows() {
        let before = CpuTime::of([std::process::id()]).unwrap();
        // The scheduler updates a running thread's time only now and then, so it may take a few rounds.
        let grew = || {
            (0..20_000_000_u64).for_each(|n| _ = std::hint::black_box(n));
            CpuTime::of([std::process::id()]).unwrap().since(&before) > Duration::ZERO
        };
        assert!((0..100).any(|_| grew()));
    }
}
