//! A queue of one value: either the newest replaces the one before, or the sender waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::wire::DropRule;

/// Passes values between two threads and holds at most one.
///
/// [`send`](Latest::send) never waits and returns the value that is dropped, so that the caller can count it;
/// [`send_wait`](Latest::send_wait) waits until the value before has been taken.
#[derive(Debug)]
pub struct Latest<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    rule: DropRule,
    closed: bool,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest {
            state: Mutex::new(State { value: None, rule: DropRule::default(), closed: false }),
            changed: Condvar::new(),
        }
    }
}

impl<T> Latest<T> {
    /// Stores `value` and returns the one that is dropped for that: the value before, or `value` itself if the queue is
    /// closed or if it is no key frame and of no use without those before it.
    pub fn send(&self, value: T, key_frame: bool) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            return Some(value);
        }
        let State { value: place, rule, .. } = &mut *state;
        let dropped = rule.put(place, value, key_frame);
        self.changed.notify_all();
        dropped
    }

    /// Waits until there is room; returns `value` if the queue was closed.
    pub fn send_wait(&self, value: T) -> Option<T> {
        let mut state = self.wait_while(|state| state.value.is_some() && !state.closed);
        if state.closed {
            return Some(value);
        }
        state.value = Some(value);
        self.changed.notify_all();
        None
    }

    /// Waits for the next value; `None` once the queue is closed and empty.
    pub fn recv(&self) -> Option<T> {
        let value = self.wait_while(|state| state.value.is_none() && !state.closed).value.take();
        self.changed.notify_all();
        value
    }

    /// Closes the queue. A stored value can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn wait_while(&self, condition: impl FnMut(&mut State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        self.changed.wait_while(self.lock(), condition).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code that holds the lock can leave the state half changed, so a lock poisoned by a panic elsewhere is safe
        // to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn the_newest_wins_and_the_displaced_comes_back() {
        let latest = Latest::default();
        assert_eq!(latest.send(1, true), None);
        assert_eq!(latest.send(2, true), Some(1));
        assert_eq!(latest.recv(), Some(2));
    }

    #[test]
    fn an_item_is_taken_even_after_the_close() {
        let latest = Latest::default();
        latest.send(1, true);
        latest.close();
        assert_eq!(latest.send(2, true), Some(2));
        assert_eq!(latest.send_wait(3), Some(3));
        assert_eq!(latest.recv(), Some(1));
        assert_eq!(latest.recv(), None);
    }

    #[test]
    fn a_waiting_sender_loses_nothing() {
        let latest = Arc::new(Latest::default());
        let sender = {
            let latest = latest.clone();
            thread::spawn(move || {
                (0..1000).for_each(|n| assert_eq!(latest.send_wait(n), None));
                latest.close();
            })
        };
        let got: Vec<i32> = std::iter::from_fn(|| latest.recv()).collect();
        sender.join().expect("the sender does not panic");
        assert_eq!(got, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_close_wakes_a_waiting_receiver() {
        let latest = Arc::new(Latest::<i32>::default());
        let receiver = {
            let latest = latest.clone();
            thread::spawn(move || latest.recv())
        };
        latest.close();
        assert_eq!(receiver.join().expect("the receiver does not panic"), None);
    }
}
