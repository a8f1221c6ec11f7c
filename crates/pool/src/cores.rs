//! The cores on which workers may run: those of this process, except the one on which their caller is running.
//!
//! Otherwise the scheduler often puts a woken worker on its caller's core, where it waits until the caller is done.

pub use system::Cores;

#[cfg(target_os = "linux")]
mod system {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    const NOWHERE: usize = usize::MAX;

    #[derive(Clone)]
    pub struct Cores {
        /// The cores that this process may use.
        mask: Option<CpuSet>,
        workers: Arc<Mutex<Vec<Pid>>>,
        /// The caller's core when the workers' affinity was last set.
        caller: Arc<AtomicUsize>,
    }

    impl Cores {
        pub fn inherited() -> Cores {
            let mask = sched_getaffinity(None).ok();
            Cores { mask, workers: Arc::default(), caller: Arc::new(AtomicUsize::new(NOWHERE)) }
        }

        /// Registers the calling thread as a worker.
        pub fn enter(&self) {
            self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(gettid());
            // Forces the affinity to be set again, for this worker too.
            self.caller.store(NOWHERE, Ordering::Relaxed);
        }

        /// Keeps the workers off the calling thread's core. Costs one system call per worker if that core has changed.
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
                // A failure only costs speed: the worker then runs on any core.
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
