//! A member of a group, and its steps from its current assignment to its target.
//!
//! ```text
//!            a newer target, nothing to give up
//! Stable ─────────────────────────────────────────▶ Stable, or Unreleased while others hold some of it
//!    └─ something to give up ─▶ Unrevoked ─ it says that it holds none of that any more ─┘
//! ```

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::assignment::Assignment;
use super::assignor::Assignor;
use super::request::{Heartbeat, WILL_BE_BACK};
use super::subscription::Subscription;
use crate::clock::Ms;
use crate::groups::kept::copied;
use crate::memory::{Memory, MemoryUse};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MemberState {
    /// The member has all partitions of its target.
    #[default]
    Stable,
    /// The member still holds partitions that it must revoke. It is removed if this takes too long.
    Unrevoked { ends: Ms },
    /// Other members still hold partitions of its target.
    Unreleased,
}

#[derive(Debug, Default)]
pub struct ConsumerMember {
    pub instance: Option<StrBytes>,
    pub rack: Option<StrBytes>,
    pub client_id: StrBytes,
    pub host: StrBytes,
    pub subscription: Subscription,
    pub assignor: Option<Assignor>,
    /// Longest time that the member may take to revoke partitions.
    pub rebalance_ms: Ms,
    /// Time at which the member is removed unless it sends a heartbeat before.
    pub session_ends: Ms,
    /// The epoch of the target that it has reached; 0 for a new member, -2 for a static member that is away.
    pub epoch: i32,
    pub previous_epoch: i32,
    pub state: MemberState,
    pub assigned: Assignment,
    /// Partitions that it must revoke and may still hold.
    pub revoking: Assignment,
    pub target: Assignment,
    /// Counted memory of the client's data.
    kept: Option<MemoryUse>,
    /// Its number of bytes.
    pub counted: usize,
}

impl ConsumerMember {
    pub fn is_away(&self) -> bool {
        self.epoch == WILL_BE_BACK
    }

    /// Resets the member to a new one. It loses its partitions, unless it is a static member that was away.
    pub fn rejoin(&mut self) {
        if !self.is_away() {
            self.assigned = Assignment::default();
        }
        self.revoking = Assignment::default();
        self.state = MemberState::Stable;
        (self.epoch, self.previous_epoch) = (0, 0);
    }

    /// Marks a static member as away; it has announced that it will rejoin.
    pub fn go_away(&mut self) {
        self.epoch = WILL_BE_BACK;
        self.state = MemberState::Stable;
        self.revoking = Assignment::default();
    }

    /// Stores the data of a heartbeat. Returns true if the subscription or the assignor has changed.
    pub fn update(&mut self, beat: &Heartbeat<'_>, longest: Ms) -> bool {
        let Heartbeat { request, requester, .. } = beat;
        (self.client_id, self.host) = (copied(&requester.client_id), copied(&requester.host));
        if let Some(ms) = beat.rebalance_ms() {
            self.rebalance_ms = Ms::try_from(ms).unwrap_or(0).clamp(1, longest.max(1));
        }
        self.instance = request.instance_id.as_deref().map(copied).or_else(|| self.instance.take());
        self.rack = request.rack_id.as_deref().map(copied).or_else(|| self.rack.take());
        let names = beat.names().filter(|names| *names != self.subscription.names);
        let regex = request
            .subscribed_topic_regex
            .as_ref()
            .filter(|_| request.subscribed_topic_regex != self.subscription.regex);
        let assignor = beat.assignor.filter(|assignor| Some(*assignor) != self.assignor);
        let has_changed = names.is_some() || regex.is_some() || assignor.is_some();
        if let Some(names) = names {
            self.subscription.names = names;
        }
        if let Some(regex) = regex {
            self.subscription.regex = Some(copied(regex));
        }
        self.assignor = assignor.or(self.assignor);
        has_changed
    }

    /// Counts the memory of its ids and its subscription.
    pub fn count(&mut self, id: &str, memory: &Memory) {
        let text = |text: &Option<StrBytes>| text.as_ref().map_or(0, |text| text.len());
        let ids = id.len() + self.client_id.len() + self.host.len() + text(&self.instance) + text(&self.rack);
        let bytes = ids + self.subscription.cost();
        if self.kept.is_none() || bytes != self.counted {
            self.kept = None;
            self.kept = Some(memory.hold(bytes));
            self.counted = bytes;
        }
    }

    /// The number of bytes that would be counted after a heartbeat.
    pub fn cost_after(&self, beat: &Heartbeat<'_>) -> usize {
        let Heartbeat { request, requester, .. } = beat;
        let text =
            |new: &Option<StrBytes>, old: &Option<StrBytes>| new.as_ref().or(old.as_ref()).map_or(0, |t| t.len());
        let ids = request.member_id.len() + requester.client_id.len() + requester.host.len();
        let texts = text(&request.instance_id, &self.instance) + text(&request.rack_id, &self.rack);
        let names = beat.names_bytes().unwrap_or_else(|| self.subscription.names_cost());
        ids + texts + names + text(&request.subscribed_topic_regex, &self.subscription.regex)
    }

    pub fn assignments_cost(&self) -> usize {
        self.assigned.cost() + self.revoking.cost() + self.target.cost()
    }

    /// True if no other member can have this partition yet.
    pub fn holds(&self, topic: Uuid, partition: i32) -> bool {
        self.assigned.has(topic, partition) || self.revoking.has(topic, partition)
    }

    pub fn is_reconciled(&self, epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == epoch
    }

    /// Time at which the member is removed if nothing is received from it.
    pub fn deadline(&self) -> Ms {
        match self.state {
            MemberState::Unrevoked { ends } => ends.min(self.session_ends),
            MemberState::Stable | MemberState::Unreleased => self.session_ends,
        }
    }

    /// Takes the next step towards the target of `epoch`. `owned` are the partitions that the member reports as its
    /// own, if it does; `taken` returns true if another member holds a partition.
    pub fn reconcile(&mut self, epoch: i32, owned: Option<&Assignment>, taken: impl Fn(Uuid, i32) -> bool, now: Ms) {
        let still_owns = |given_up: &Assignment| owned.is_none_or(|owned| given_up.overlaps(owned));
        match self.state {
            MemberState::Stable if self.epoch == epoch => return,
            MemberState::Unrevoked { .. } if still_owns(&self.revoking) => return,
            MemberState::Stable | MemberState::Unrevoked { .. } | MemberState::Unreleased => {}
        }
        let given_up = self.assigned.without(&self.target);
        self.assigned = self.assigned.within(&self.target);
        if !given_up.is_empty() && still_owns(&given_up) {
            self.revoking = given_up;
            self.state = MemberState::Unrevoked { ends: now.saturating_add(self.rebalance_ms) };
            return;
        }
        self.revoking = Assignment::default();
        let wanted = self.target.without(&self.assigned);
        let free = wanted.filtered(|topic, partition| !taken(topic, partition));
        self.state = if free.len() == wanted.len() { MemberState::Stable } else { MemberState::Unreleased };
        free.partitions().for_each(|(topic, partition)| self.assigned.add(topic, partition));
        if self.epoch != epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}
