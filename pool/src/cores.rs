//! Which cores the workers may run on: those that we were given, but not the one that their caller is running on.
//!
//! A woken worker is otherwise often put on its caller's core, where it waits until the caller is done.

pub use system::Cores;

#[cfg(target_os = "linux")]
mod system {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    const NOWHERE: usize = usize::MAX;

    #[derive(Clone)]
    pub struct Cores {
        /// Those that this process may use.
        mask: Option<CpuSet>,
        workers: Arc<Mutex<Vec<Pid>>>,
        /// Where the caller ran when the workers were told last.
        caller: Arc<AtomicUsize>,
    }

    impl Cores {
        pub fn inherited() -> Cores {
            let mask = sched_getaffinity(None).ok();
            Cores { mask, workers: Arc::default(), caller: Arc::new(AtomicUsize::new(NOWHERE)) }
        }

        /// The calling thread is a worker.
        pub fn enter(&self) {
            self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(gettid());
            // So that it hears where the caller is.
            self.caller.store(NOWHERE, Ordering::Relaxed);
        }

        /// Keeps the workers off the core on which the calling thread runs. A system call for each, where that core has changed.
        pub fn keep_off_mine(&self) {
            let here = sched_getcpu();
            if self.caller.swap(here, Ordering::Relaxed) == here {
                return;
            }
            let Some(mut others) = self.mask else { return };
            if here < CpuSet::MAX_CPU {
                others.unset(here);
            }
            if others.count() == 0 {
                return;
            }
            for worker in self.workers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                // It is a matter of speed only: where it is forbidden, the worker runs where the system puts it.
                let _ = sched_setaffinity(Some(*worker), &others);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    #[derive(Clone)]
    pub struct Cores;

    impl Cores {
        pub fn inherited() -> Cores {
            Cores
        }

        pub fn enter(&self) {}

        pub fn keep_off_mine(&self) {}
    }
}
