//! Handles Ctrl-C, SIGTERM and SIGHUP (closed terminal): the first signal requests the end of the program, the second
//! ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use std::time::Duration;

use anyhow::Context;
use common::time::{Clock, Micros, SystemClock};
use libc::c_int;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Time after which another signal counts as the second. `timeout` and some supervisors send the same signal twice at
/// once.
const TWICE: Duration = Duration::from_millis(500);

/// A flag that is set once the program is to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<AtomicBool>);

impl Shutdown {
    /// Starts listening for the signals. Must be called before other threads start, because they inherit the signal
    /// mask.
    pub fn listen() -> anyhow::Result<Shutdown> {
        let shutdown = Shutdown::default();
        let ending = ending_signals(is_ignored(SIGHUP));
        let mut signals = Signals::new(&ending).context("listening for Ctrl-C")?;
        unblock(&ending);
        let flag = shutdown.clone();
        let listen = move || {
            let mut first: Option<Micros> = None;
            for signal in signals.forever() {
                let now = SystemClock.now();
                if now.since(*first.get_or_insert(now)) > TWICE {
                    std::process::exit(128 + signal);
                }
                flag.request();
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen).context("listening for Ctrl-C")?;
        Ok(shutdown)
    }

    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Requests the end from within the program.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag itself, for code that needs an `AtomicBool`.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

/// The signals that request the end. `nohup` starts a program with SIGHUP ignored, and then it stays ignored. SIGINT
/// ends the program in any case: a shell starts the background commands of a subshell with SIGINT ignored (bash) or
/// blocked (zsh), and Ctrl-C is meant for them too.
fn ending_signals(hangup_is_ignored: bool) -> Vec<c_int> {
    let hangup = (!hangup_is_ignored).then_some(SIGHUP);
    [SIGINT, SIGTERM].into_iter().chain(hangup).collect()
}

#[allow(unsafe_code, reason = "asking the C library for a signal's action, which signal-hook does not offer")]
fn is_ignored(signal: c_int) -> bool {
    // SAFETY: without a new action it only fills in the old one, for which all bytes zero is a valid value.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Unblocks signals, for this thread and those that it starts, that were blocked when the program was started.
#[allow(unsafe_code, reason = "a thread's signal mask, which signal-hook does not offer")]
fn unblock(signals: &[c_int]) {
    // SAFETY: the set is filled in before it is used, and the signals are valid ones.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in signals {
            libc::sigaddset(&mut set, *signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_ends_the_program_unless_it_was_ignored_at_the_start() {
        assert_eq!(ending_signals(false), [SIGINT, SIGTERM, SIGHUP]);
        assert_eq!(ending_signals(true), [SIGINT, SIGTERM]);
    }

    #[test]
    fn an_ignored_signal_is_recognised() {
        // Rust's runtime ignores SIGPIPE, and does not change SIGWINCH.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGWINCH));
    }
}
