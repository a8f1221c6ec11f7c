//! A thread pool that does a job in pieces on all cores; the call returns when the job is done.
//!
//! ```text
//! each(&mut [T], work):  caller ─ takes a piece ─▶ work      until none is left, then waits for the last
//!                        worker ─ takes a piece ─▶ work
//! ```
//! A job starts no thread and allocates nothing. The caller never waits for a worker that has not begun: it does pieces
//! that nobody has taken by itself. If the pool is busy with another caller's job, the second caller does its job
//! alone.

mod cores;

use std::any::Any;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::cores::Cores;

/// Largest number of threads in a pool: a frame has no use for more.
pub const THREADS_MAX: usize = 16;

/// A handle to a pool. Clones share the same threads, which end with the last handle.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    cores: Cores,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Signals that there is a piece to take, or that the pool is closed.
    work: Condvar,
    /// Signals that the last piece is done.
    done: Condvar,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    closed: bool,
}

struct Job {
    piece: &'static (dyn Fn(usize) + Sync),
    pieces: usize,
    taken: usize,
    finished: usize,
    panic: Option<Box<dyn Any + Send>>,
}

impl Pool {
    /// Makes a pool of this many threads, including the caller's own; by default one for each core that we may use.
    pub fn new(threads: Option<NonZeroUsize>) -> Pool {
        let cores = Cores::inherited();
        let shared = Arc::<Shared>::default();
        let spawn = |index: usize| {
            let (shared, cores) = (shared.clone(), cores.clone());
            Builder::new().name(format!("pool-{index}")).spawn(move || {
                cores.enter();
                shared.serve();
            })
        };
        // If the system refuses more threads, the existing ones do the work.
        let workers = (1..threads_for(threads)).map_while(|index| spawn(index).ok()).collect();
        Pool { inner: Arc::new(Inner { shared, workers, cores }) }
    }

    /// Makes a pool that uses only the caller's own thread.
    pub fn alone() -> Pool {
        Pool::new(Some(NonZeroUsize::MIN))
    }

    /// Number of threads that work on a job, including the caller's.
    pub fn threads(&self) -> usize {
        self.inner.workers.len() + 1
    }

    /// Number of pieces for a job: one for each thread, but none smaller than `least` of the job's `size`, and at most
    /// `most`.
    pub fn pieces(&self, size: usize, least: usize, most: usize) -> usize {
        (size / least).min(most).clamp(1, self.threads())
    }

    /// Calls `work` once with each item, and returns when all are done. A panic in `work` is passed on to the caller.
    pub fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        let count = items.len();
        let items = Items(items.as_mut_ptr());
        let piece = |index: usize| work(items.of(index));
        if count < 2 || self.inner.workers.is_empty() || !self.inner.run(&piece, count) {
            (0..count).for_each(piece);
        }
    }
}

/// Number of threads of a pool, limited to its maximum; by default one for each core that we may use.
pub fn threads_for(requested: Option<NonZeroUsize>) -> usize {
    let threads = requested.or_else(|| std::thread::available_parallelism().ok());
    threads.map_or(1, NonZeroUsize::get).min(THREADS_MAX)
}

/// Cuts `rows` into `pieces` that are as equal as possible.
pub fn cut(rows: usize, pieces: usize) -> impl Iterator<Item = Range<usize>> {
    (0..pieces).map(move |i| rows * i / pieces..rows * (i + 1) / pieces)
}

impl Inner {
    /// Returns false without having done anything if the pool is busy with another job.
    fn run(&self, piece: &(dyn Fn(usize) + Sync), pieces: usize) -> bool {
        let piece = forget_lifetime(piece);
        let mut state = self.shared.lock();
        if state.job.is_some() {
            return false;
        }
        state.job = Some(Job { piece, pieces, taken: 0, finished: 0, panic: None });
        drop(state);
        self.cores.keep_off_mine();
        (1..pieces.min(self.workers.len() + 1)).for_each(|_| self.shared.work.notify_one());
        let mut state = self.shared.work_along(self.shared.lock());
        while state.job.as_ref().is_some_and(|job| job.finished < job.pieces) {
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let panic = state.job.take().and_then(|job| job.panic);
        drop(state);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        true
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
        for worker in self.workers.drain(..) {
            // Panics in a worker are caught and passed to the caller, so the result holds nothing of interest.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The main loop of a worker.
    fn serve(&self) {
        let mut state = self.lock();
        while !state.closed {
            state = self.work_along(state);
            if !state.closed {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Takes pieces and does them, without holding the lock, until none is left.
    fn work_along<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while let Some((piece, index)) = state.job.as_mut().and_then(Job::take) {
            drop(state);
            let result = catch_unwind(AssertUnwindSafe(|| piece(index)));
            state = self.lock();
            if let Some(job) = &mut state.job {
                if let Err(panic) = result {
                    job.keep(panic);
                }
                job.finished += 1;
                if job.finished == job.pieces {
                    self.done.notify_one();
                }
            }
        }
        state
    }
}

impl Job {
    /// Keeps the first panic for the caller. The payload of a further one is not even dropped, because that might panic
    /// too, before this piece is counted as finished.
    fn keep(&mut self, panic: Box<dyn Any + Send>) {
        if self.panic.is_some() {
            std::mem::forget(panic);
        } else {
            self.panic = Some(panic);
        }
    }

    fn take(&mut self) -> Option<(&'static (dyn Fn(usize) + Sync), usize)> {
        let index = self.taken;
        (index < self.pieces).then(|| {
            self.taken += 1;
            (self.piece, index)
        })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} threads)", self.threads())
    }
}

/// The items of a job; each is given to one thread.
struct Items<T>(*mut T);

#[allow(unsafe_code, reason = "threads that outlive a call work on what the call borrowed")]
mod borrowed {
    use super::Items;

    // SAFETY: the pointer is used by `of` alone, which gives each item to one thread, and `T` may be sent there.
    unsafe impl<T: Send> Sync for Items<T> {}

    impl<T> Items<T> {
        /// For `each` only, which calls it once for each index below the number of items: a job's pieces are taken once
        /// each.
        #[allow(clippy::mut_from_ref, reason = "each index is asked for once, so no two of them are the same")]
        pub(super) fn of(&self, index: usize) -> &mut T {
            // SAFETY: the slice that it came from stays borrowed until `each` returns, and `index` is below its length.
            unsafe { &mut *self.0.add(index) }
        }
    }

    /// For `run` only, which does not return before every piece is done; nobody calls the closure after that.
    pub(super) fn forget_lifetime<'a>(piece: &'a (dyn Fn(usize) + Sync + 'a)) -> &'static (dyn Fn(usize) + Sync) {
        // SAFETY: only the lifetime changes, and `run` keeps the borrow for as long as anybody may call it: it waits until
        // as many pieces are finished as there are, a panic in one counts as finished, and it does not unwind before.
        unsafe { std::mem::transmute::<&'a (dyn Fn(usize) + Sync + 'a), &'static (dyn Fn(usize) + Sync)>(piece) }
    }
}
use borrowed::forget_lifetime;

#[cfg(test)]
mod tests;
