//! The bar on the terminal, so that log lines can be written around it.

use std::sync::Mutex;

use indicatif::ProgressBar;

/// The bar that is drawn now.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Hides the bar while `write` runs, so that its output gets a line of its own.
pub fn suspended<T>(write: impl FnOnce() -> T) -> T {
    let bar = BAR.lock().ok().and_then(|bar| bar.clone());
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Makes `bar` the one that log lines are written around; `None` if none is drawn any more.
pub(crate) fn set(bar: Option<ProgressBar>) {
    if let Ok(mut current) = BAR.lock() {
        *current = bar;
    }
}
