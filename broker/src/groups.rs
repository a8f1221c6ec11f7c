//! Consumer groups: their members, assignments and committed offsets, in memory. Time is an argument.
//!
//! The members of a group use one of two protocols, `classic` or `consumer` (KIP-848). Committed offsets (`offsets`) do
//! not depend on the protocol.
//!
//! As in Kafka, a group remains when its last member has left: it is listed, described and deleted like any other, and
//! keeps its offsets. It is removed when a client deletes it, or when its place or its memory is needed and no other
//! group has been without members for longer. It does not expire, as everything here is in memory and limited.

mod admission;
mod classic;
mod consumer;
mod kept;
mod members;
mod offsets;
mod operators;
mod progress;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::clock::Ms;
use crate::memory::Memory;
use crate::options::GroupLimits;
use members::Members;
use offsets::Offsets;

#[derive(Debug, Default)]
struct Group {
    members: Members,
    offsets: Offsets,
    /// Time of the last use: a member was in the group, or a client joined or committed.
    touched: Ms,
}

#[derive(Debug)]
pub struct Groups {
    limits: GroupLimits,
    /// The groups' own memory. It is separate, so that groups and slow readers cannot affect each other.
    memory: Memory,
    groups: BTreeMap<String, Group>,
}

impl Group {
    /// True if no client has joined or committed: only a failed request created this group.
    fn is_vacant(&self) -> bool {
        self.members.is_new() && self.offsets.is_empty()
    }

    /// Changes the members. If there were any, the group counts as used until now.
    fn change<T>(&mut self, now: Ms, change: impl FnOnce(&mut Members) -> T) -> T {
        if !self.members.is_deserted() {
            self.touched = now;
        }
        change(&mut self.members)
    }
}

impl Groups {
    /// No groups yet. Their memory is a limited part of its own, beside `memory`.
    pub fn new(limits: GroupLimits, memory: &Memory) -> Groups {
        Groups { memory: memory.beside(limits.memory_bytes), limits, groups: BTreeMap::new() }
    }

    /// Number of bytes kept from clients' requests.
    pub fn memory_used(&self) -> usize {
        self.memory.used()
    }

    /// Removes a deleted topic's offsets, which have no meaning for a later topic with the same name.
    pub fn forget_topic(&mut self, topic: &str) {
        for group in self.groups.values_mut() {
            group.offsets.forget_topic(topic);
        }
        self.forget_vacant();
    }

    /// Must be called after the connection's receivers were dropped.
    pub fn disconnected(&mut self, connection: u64, now: Ms) {
        for group in self.groups.values_mut() {
            group.change(now, |members| members.disconnected(connection, now));
        }
        self.forget_vacant();
    }

    /// Ends sessions and rebalances whose time is up.
    pub fn tick(&mut self, now: Ms) {
        for group in self.groups.values_mut() {
            group.change(now, |members| members.tick(now));
        }
        self.forget_vacant();
    }

    /// Time at which `tick` has something to do; `None` if nothing can expire.
    pub fn next_deadline(&self) -> Option<Ms> {
        self.groups.values().filter_map(|group| group.members.next_deadline()).min()
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn forget_vacant(&mut self) {
        self.groups.retain(|_, group| !group.is_vacant());
    }

    /// Panics if an invariant is violated.
    pub fn check_invariants(&self) {
        assert!(self.groups.len() <= self.limits.groups, "no more groups than allowed");
        for group in self.groups.values() {
            assert!(!group.is_vacant(), "a group that no client joined is forgotten");
            assert!(group.members.count() <= self.limits.members, "no more members than allowed");
            assert!(group.offsets.len() <= self.limits.offsets, "no more offsets than allowed");
            group.offsets.check_invariants();
            group.members.check_invariants();
        }
    }
}
