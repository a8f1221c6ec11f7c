//! Ctrl-C and SIGTERM: the first asks the program to end, the second ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use std::time::Duration;

use anyhow::Context;
use common::clock::{Clock, Micros, SystemClock};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// `timeout` and some supervisors send the same signal twice at once: only one that comes later means impatience.
const TWICE: Duration = Duration::from_millis(500);

/// Whether the program was asked to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<AtomicBool>);

impl Shutdown {
    /// Listens for the signals from here on.
    pub fn listen() -> anyhow::Result<Shutdown> {
        let shutdown = Shutdown::default();
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("listening for Ctrl-C")?;
        let asked = shutdown.clone();
        let listen = move || {
            let mut first: Option<Micros> = None;
            for signal in signals.forever() {
                let now = SystemClock.now();
                if now.since(*first.get_or_insert(now)) > TWICE {
                    std::process::exit(128 + signal);
                }
                asked.ask();
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen).context("listening for Ctrl-C")?;
        Ok(shutdown)
    }

    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks from within.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag itself, for code that only knows flags.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
