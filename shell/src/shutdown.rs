//! Ctrl-C and SIGTERM: the first asks the program to end, the second ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the program was asked to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<AtomicBool>);

impl Shutdown {
    /// Listens for the signals from here on.
    pub fn listen() -> anyhow::Result<Shutdown> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the exit is armed only when the flag was set before, so by the second signal.
            flag::register_conditional_shutdown(signal, 130, asked.clone()).context("listening for Ctrl-C")?;
            flag::register(signal, asked.clone()).context("listening for Ctrl-C")?;
        }
        Ok(Shutdown(asked))
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
