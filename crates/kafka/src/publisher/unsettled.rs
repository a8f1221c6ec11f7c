//! The records that were passed to the client and are not settled yet, in the order in which they were sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::wire::Record;
use rdkafka::error::RDKafkaErrorCode;

use crate::error::name;

/// The result of sending a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    Acknowledged,
    /// The client dropped it, because it waited too long or the program ended.
    Late,
    /// The topic does not exist.
    NoTopic,
    /// It exceeds the limit of the topic, the broker or the client.
    TooLarge,
    /// The broker or the client refused it, for this reason.
    Refused(String),
    /// We have no right to write to this topic. The text names the right, and the command that grants it.
    Forbidden(String),
}

impl From<RDKafkaErrorCode> for Delivery {
    fn from(code: RDKafkaErrorCode) -> Delivery {
        match code {
            RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => {
                Delivery::Late
            }
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition => Delivery::NoTopic,
            RDKafkaErrorCode::MessageSizeTooLarge => Delivery::TooLarge,
            code => Delivery::Refused(name(code)),
        }
    }
}

/// Tracks records until each is settled once: by its acknowledgement, or with the reason why there is none.
pub(super) struct Unsettled<T> {
    state: Mutex<State<T>>,
    settled: Box<dyn Fn(T, Delivery) + Send + Sync>,
}

struct State<T> {
    /// The records by their numbers.
    entries: BTreeMap<usize, Entry<T>>,
    /// The number of the next record.
    next: usize,
    /// Number of clients used so far. Failures reported by earlier clients are ignored: their records are still in
    /// flight.
    generation: u64,
    /// True if the record settled last was acknowledged, or if none was settled yet.
    good: bool,
    /// For each partition, the lowest offset at which an unacknowledged record of ours may be.
    unknown_from: BTreeMap<i32, i64>,
}

struct Entry<T> {
    /// Kept for another client to send again; `None` if records may be lost.
    record: Option<Record>,
    ticket: T,
}

impl<T> Unsettled<T> {
    pub fn new(settled: impl Fn(T, Delivery) + Send + Sync + 'static) -> Unsettled<T> {
        let state =
            State { entries: BTreeMap::new(), next: 0, generation: 0, good: true, unknown_from: BTreeMap::new() };
        Unsettled { state: Mutex::new(state), settled: Box::new(settled) }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code that holds the lock can leave the state half changed, so a lock poisoned by a panic elsewhere is safe
        // to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record that is about to be sent; returns its number.
    pub fn push(&self, record: Option<Record>, ticket: T) -> usize {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.entries.insert(number, Entry { record, ticket });
        number
    }

    /// Removes a record that was not sent.
    pub fn take(&self, number: usize) -> Option<T> {
        self.lock().entries.remove(&number).map(|entry| entry.ticket)
    }

    /// Settles a record, unless it is settled already.
    pub fn settle(&self, number: usize, delivery: Delivery) {
        let mut state = self.lock();
        let Some(entry) = state.entries.remove(&number) else { return };
        state.good = delivery == Delivery::Acknowledged;
        drop(state);
        (self.settled)(entry.ticket, delivery);
    }

    /// Settles a record that never was in flight.
    pub fn refuse(&self, ticket: T, delivery: Delivery) {
        (self.settled)(ticket, delivery);
    }

    /// Settles a record that a broker has acknowledged at `offset`.
    pub fn acknowledged(&self, number: usize, partition: i32, offset: i64) {
        let mut state = self.lock();
        let from = state.unknown_from.entry(partition).or_default();
        *from = (*from).max(offset + 1);
        drop(state);
        self.settle(number, Delivery::Acknowledged);
    }

    /// Settles a record that a client failed to send. If that client has been retired since, the record stays in
    /// flight.
    pub fn failed(&self, generation: u64, number: usize, delivery: Delivery) {
        if self.lock().generation == generation {
            self.settle(number, delivery);
        }
    }

    /// The generation that the next client will have.
    pub fn next_generation(&self) -> u64 {
        self.lock().generation + 1
    }

    /// Ignores failures of the present client from now on. Returns the next client's generation.
    pub fn retire(&self) -> u64 {
        let mut state = self.lock();
        state.generation += 1;
        state.generation
    }

    /// Settles every record in flight.
    pub fn settle_all(&self, delivery: &Delivery) {
        let numbers: Vec<usize> = self.lock().entries.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.settle(number, delivery.clone()));
    }

    pub fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// True if no record is in flight and the last one did not fail.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.entries.is_empty() && state.good
    }

    /// Enters the end offset of a partition before the first record was sent.
    pub fn begin_at(&self, partition: i32, offset: i64) {
        self.lock().unknown_from.insert(partition, offset);
    }

    pub fn unknown_from(&self) -> BTreeMap<i32, i64> {
        self.lock().unknown_from.clone()
    }

    /// The kept records in flight, in order.
    pub fn records(&self) -> Vec<(usize, Record)> {
        let state = self.lock();
        state.entries.iter().filter_map(|(number, entry)| Some((*number, entry.record.clone()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    type Settled = Arc<Mutex<Vec<(char, Delivery)>>>;

    fn unsettled(tickets: &str) -> (Unsettled<char>, Settled) {
        let settled = Settled::default();
        let list = settled.clone();
        let list = Unsettled::new(move |ticket, delivery| list.lock().unwrap().push((ticket, delivery)));
        for ticket in tickets.chars() {
            list.push(None, ticket);
        }
        (list, settled)
    }

    fn letters(settled: &Settled) -> String {
        settled.lock().unwrap().iter().map(|(ticket, _)| ticket).collect()
    }

    #[test]
    fn each_record_is_settled_once() {
        let (list, settled) = unsettled("abc");
        list.acknowledged(1, 0, 10);
        list.acknowledged(1, 0, 10);
        list.failed(0, 0, Delivery::Late);
        list.acknowledged(0, 0, 9);
        assert_eq!(letters(&settled), "ba");
        assert!(!list.is_empty());
        list.settle_all(&Delivery::Late);
        assert_eq!(letters(&settled), "bac");
        assert!(list.is_empty());
    }

    #[test]
    fn records_that_a_retired_client_failed_to_send_stay_in_flight() {
        let (list, settled) = unsettled("ab");
        let generation = list.retire();
        list.failed(generation - 1, 0, Delivery::Late);
        assert_eq!(letters(&settled), "");
        list.acknowledged(0, 0, 5);
        list.failed(generation, 1, Delivery::Late);
        assert_eq!(*settled.lock().unwrap(), [('a', Delivery::Acknowledged), ('b', Delivery::Late)]);
    }

    #[test]
    fn numbers_go_on_after_what_is_settled() {
        let (list, settled) = unsettled("ab");
        list.acknowledged(0, 0, 0);
        assert_eq!(list.push(None, 'c'), 2);
        assert_eq!(list.take(1), Some('b'));
        list.acknowledged(2, 0, 1);
        assert_eq!(letters(&settled), "ac");
    }

    #[test]
    fn an_unacknowledged_record_is_looked_for_behind_the_last_one_that_was() {
        let (list, _) = unsettled("abc");
        list.begin_at(0, 7);
        list.begin_at(1, 70);
        list.acknowledged(1, 0, 9);
        list.acknowledged(0, 0, 8);
        assert_eq!(list.unknown_from(), [(0, 10), (1, 70)].into());
    }

    #[test]
    fn idle_is_empty_after_a_success() {
        let (list, _) = unsettled("ab");
        assert!(!list.is_idle());
        list.acknowledged(0, 0, 0);
        list.failed(0, 1, Delivery::Late);
        assert!(list.is_empty() && !list.is_idle());
    }
}
