//! The project's unit of time: microseconds of the monotonic clock, which all processes of a host share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A reading of a monotonic clock, in µs since the clock's own zero (on Linux: since boot).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Micros(pub u64);

impl Micros {
    /// Time from `earlier` to this; zero if `earlier` is later.
    pub fn since(self, earlier: Micros) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    pub fn plus(self, duration: Duration) -> Micros {
        Micros(self.0.saturating_add(duration.as_micros() as u64))
    }

    /// The same moment on a clock whose zero is `offset_us` earlier.
    pub fn shifted(self, offset_us: i64) -> Micros {
        Micros(self.0.saturating_add_signed(offset_us))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A source of time. `main` makes one and passes it down.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The monotonic clock.
    fn now(&self) -> Micros;
    /// The wall clock, in µs since 1970.
    fn wall_us(&self) -> u64;
    /// Blocks the caller until `now()` has reached `until`.
    fn sleep_until(&self, until: Micros);
    /// Identifies the zero of the monotonic clock: two processes with the same id can compare their readings.
    fn boot_id(&self) -> String;

    /// Offset to add to `now()` to get the wall clock.
    fn wall_offset_us(&self) -> i64 {
        self.wall_us() as i64 - self.now().0 as i64
    }
}

/// The system's clocks.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Micros(t.tv_sec as u64 * 1_000_000 + t.tv_nsec as u64 / 1_000)
    }

    fn wall_us(&self) -> u64 {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        t.tv_sec as u64 * 1_000_000 + t.tv_nsec as u64 / 1_000
    }

    fn sleep_until(&self, until: Micros) {
        loop {
            let left = until.since(self.now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left);
        }
    }

    /// If the system has no such id, this is one that no other process shares.
    fn boot_id(&self) -> String {
        match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
            Ok(id) => id.trim().chars().filter(|c| *c != '-').take(32).collect(),
            Err(_) => {
                let host = rustix::system::uname().nodename().to_string_lossy().chars().take(40).collect::<String>();
                format!("{host}-{}", std::process::id())
            }
        }
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_us: AtomicU64,
}

impl ManualClock {
    /// Offset of the wall clock from the monotonic one.
    pub const WALL_OFFSET_US: u64 = 1_700_000_000_000_000;

    pub fn advance(&self, by: Duration) {
        self.now_us.fetch_add(by.as_micros() as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        Micros(self.now_us.load(Ordering::SeqCst))
    }

    fn wall_us(&self) -> u64 {
        self.now().0 + Self::WALL_OFFSET_US
    }

    /// Jumps to `until` at once, as nobody else would move the clock.
    fn sleep_until(&self, until: Micros) {
        self.now_us.fetch_max(until.0, Ordering::SeqCst);
    }

    fn boot_id(&self) -> String {
        "manual".to_owned()
    }
}
