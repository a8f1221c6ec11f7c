//! Remembers the producers' batches, so that a batch that is sent twice is stored once. The rules are those of Kafka's
//! own brokers.
//!
//! A producer numbers its records from 0 to `i32::MAX` and then from 0 again, and starts at 0 in each epoch.

use std::collections::{HashMap, VecDeque};

use crate::batch::BatchHeader;

/// Number of batches remembered for each producer: as many as it may have in flight.
const BATCHES_MAX: usize = 5;
/// Largest number of producers. Beyond it, the one that was silent longest is forgotten.
pub(super) const PRODUCERS_MAX: usize = 128;
/// Sequences that are less than this behind the expected one are old; all others are new.
const HALF: i64 = SEQUENCES / 2;
const SEQUENCES: i64 = 1 << 31;

/// The remembered producers of a log.
#[derive(Debug, Default)]
pub struct Producers {
    by_id: HashMap<i64, Producer>,
    /// Counter of remembered batches, which shows which producer was silent longest.
    turn: u64,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    batches: VecDeque<Remembered>,
    last_turn: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Remembered {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
}

/// The reason why a valid batch is not appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("batches of this producer are missing before this one")]
    OutOfOrderSequence,
    #[error("a newer instance of this producer has taken over")]
    InvalidProducerEpoch,
    #[error("a batch that was appended too long ago to say where")]
    DuplicateSequence,
    #[error("there are no offsets left")]
    Full,
}

/// Tells if a batch is in the log already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SequenceCheck {
    New,
    Duplicate { base_offset: i64 },
}

impl Producers {
    /// Checks a batch, without remembering it.
    pub fn check(&self, header: &BatchHeader) -> Result<SequenceCheck, Refused> {
        // For an unknown producer, any sequence may be the next.
        match self.by_id.get(&header.producer_id) {
            Some(producer) if header.idempotent() => producer.check(header),
            _ => Ok(SequenceCheck::New),
        }
    }

    /// Remembers a batch that was found to be the producer's next.
    pub fn remember(&mut self, header: &BatchHeader, base_offset: i64) {
        if !header.idempotent() {
            return;
        }
        if !self.by_id.contains_key(&header.producer_id) && self.by_id.len() == PRODUCERS_MAX {
            self.forget_one();
        }
        self.turn += 1;
        let epoch = header.producer_epoch;
        let producer = self.by_id.entry(header.producer_id).or_insert_with(|| Producer::new(epoch));
        producer.last_turn = self.turn;
        producer.remember(header, base_offset);
    }

    fn forget_one(&mut self) {
        let silent = self.by_id.iter().min_by_key(|(_, producer)| producer.last_turn).map(|(&id, _)| id);
        self.by_id.remove(&silent.expect("there are as many producers as may be"));
    }

    pub(super) fn check_invariants(&self, end: i64) {
        assert!(self.by_id.len() <= PRODUCERS_MAX);
        for producer in self.by_id.values() {
            assert!(producer.last_turn <= self.turn);
            producer.check_invariants(end);
        }
    }
}

impl Producer {
    fn new(epoch: i16) -> Producer {
        Producer { epoch, batches: VecDeque::with_capacity(BATCHES_MAX), last_turn: 0 }
    }

    fn check(&self, header: &BatchHeader) -> Result<SequenceCheck, Refused> {
        if header.producer_epoch < self.epoch {
            return Err(Refused::InvalidProducerEpoch);
        }
        if header.producer_epoch > self.epoch {
            return if header.base_sequence == 0 { Ok(SequenceCheck::New) } else { Err(Refused::OutOfOrderSequence) };
        }
        let (first, last) = (header.base_sequence, last_sequence(header));
        if let Some(same) = self.batches.iter().find(|seen| (seen.first_sequence, seen.last_sequence) == (first, last))
        {
            return Ok(SequenceCheck::Duplicate { base_offset: same.base_offset });
        }
        let expected = self.batches.back().map_or(0, |newest| following(newest.last_sequence));
        match (is_behind(first, expected), is_behind(last, expected)) {
            _ if first == expected => Ok(SequenceCheck::New),
            // Clients treat "duplicate" as "delivered", so every record of the batch must be old.
            (true, true) => Err(Refused::DuplicateSequence),
            _ => Err(Refused::OutOfOrderSequence),
        }
    }

    fn remember(&mut self, header: &BatchHeader, base_offset: i64) {
        if header.producer_epoch != self.epoch {
            self.epoch = header.producer_epoch;
            self.batches.clear();
        }
        if self.batches.len() == BATCHES_MAX {
            self.batches.pop_front();
        }
        let (first_sequence, last_sequence) = (header.base_sequence, last_sequence(header));
        self.batches.push_back(Remembered { first_sequence, last_sequence, base_offset });
    }

    fn check_invariants(&self, end: i64) {
        assert!((1..=BATCHES_MAX).contains(&self.batches.len()) && self.epoch >= 0);
        for (one, next) in self.batches.iter().zip(self.batches.iter().skip(1)) {
            assert_eq!(following(one.last_sequence), next.first_sequence, "a producer's batches have a gap");
            assert!(one.base_offset < next.base_offset);
        }
        assert!(self.batches.iter().all(|seen| seen.first_sequence >= 0 && seen.last_sequence >= 0));
        assert!(self.batches.back().is_none_or(|newest| newest.base_offset < end));
    }
}

fn last_sequence(header: &BatchHeader) -> i32 {
    wrapped(i64::from(header.base_sequence) + i64::from(header.records) - 1)
}

fn following(sequence: i32) -> i32 {
    wrapped(i64::from(sequence) + 1)
}

fn is_behind(sequence: i32, expected: i32) -> bool {
    let behind = (i64::from(expected) - i64::from(sequence)).rem_euclid(SEQUENCES);
    (1..HALF).contains(&behind)
}

fn wrapped(sequence: i64) -> i32 {
    i32::try_from(sequence.rem_euclid(SEQUENCES)).expect("the remainder is below 2^31")
}
