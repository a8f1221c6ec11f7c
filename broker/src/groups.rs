//! Consumer groups: who is in them, who reads what, and how far they got. In memory; time is an argument.
//!
//! The members of a group speak one of two protocols, `classic` or `consumer` (KIP-848). How far a group got (`offsets`)
//! does not depend on it.
//!
//! A group whose last member left stays, empty, as in Kafka: it is listed, described and deleted like any other, and keeps
//! its offsets. It is forgotten when somebody deletes it, or when a new group needs its place and no other group has been
//! without members for longer. No time ends it: everything here is in memory, and bounded in number.

mod admission;
mod classic;
mod consumer;
mod members;
mod offsets;
mod operators;
mod progress;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use crate::clock::Ms;
use crate::memory::Memory;
pub use admission::Limits;
use admission::kept;
pub use consumer::Times;
use members::Members;
use offsets::Offsets;

/// Who sent a join.
#[derive(Clone, Debug)]
pub struct Who {
    pub client_id: String,
    pub host: String,
    pub connection: u64,
}

#[derive(Debug, Default)]
struct Group {
    members: Members,
    offsets: Offsets,
    /// When a member was last in it, or somebody joined or committed.
    touched: Ms,
}

#[derive(Debug)]
pub struct Groups {
    limits: Limits,
    /// Of the groups alone: what they keep makes no reader wait, and no reader's slowness a group.
    memory: Memory,
    groups: BTreeMap<String, Group>,
}

impl Group {
    /// Nobody has joined or committed: only a request that came to nothing made this group.
    fn is_vacant(&self) -> bool {
        self.members.is_new() && self.offsets.is_empty()
    }

    /// Changes the members; a group that had some was in use until now.
    fn change<T>(&mut self, now: Ms, change: impl FnOnce(&mut Members) -> T) -> T {
        if !self.members.is_deserted() {
            self.touched = now;
        }
        change(&mut self.members)
    }
}

impl Groups {
    pub fn new(limits: Limits) -> Groups {
        Groups { memory: Memory::new(limits.memory_bytes), limits, groups: BTreeMap::new() }
    }

    /// What is kept of what clients sent.
    pub fn memory_used(&self) -> usize {
        self.memory.used()
    }

    /// A deleted topic's offsets mean nothing in the next topic of that name.
    pub fn forget_topic(&mut self, topic: &str) {
        for group in self.groups.values_mut() {
            group.offsets.forget_topic(topic);
        }
        self.forget_vacant();
    }

    /// Call it once the connection's receivers are dropped.
    pub fn disconnected(&mut self, connection: u64, now: Ms) {
        for group in self.groups.values_mut() {
            group.change(now, |members| members.disconnected(connection, now));
        }
        self.forget_vacant();
    }

    /// Ends the sessions and the rebalances that are over time.
    pub fn tick(&mut self, now: Ms) {
        for group in self.groups.values_mut() {
            group.change(now, |members| members.tick(now));
        }
        self.forget_vacant();
    }

    /// When `tick` has something to do; None while nothing can run out.
    pub fn next_deadline(&self) -> Option<Ms> {
        self.groups.values().filter_map(|group| group.members.next_deadline()).min()
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn forget_if_vacant(&mut self, group: &str) {
        if self.groups.get(group).is_some_and(Group::is_vacant) {
            self.groups.remove(group);
        }
    }

    fn forget_vacant(&mut self) {
        self.groups.retain(|_, group| !group.is_vacant());
    }

    /// Panics if something that always holds does not.
    pub fn check_invariants(&self) {
        assert!(self.groups.len() <= self.limits.groups, "no more groups than allowed");
        for group in self.groups.values() {
            assert!(!group.is_vacant(), "a group that nobody joined is forgotten");
            assert!(group.members.count() <= self.limits.members, "no more members than allowed");
            assert!(group.offsets.len() <= self.limits.offsets, "no more offsets than allowed");
            group.members.check_invariants();
        }
    }
}

fn code(result: Result<(), ResponseError>) -> i16 {
    result.map_or_else(|error| error.code(), |()| 0)
}

/// A decoded string is a slice of the whole request; what is kept must not hold on to that.
fn copied(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
