//! A group of the consumer protocol: its members, its epochs, and the members' targets.

mod admission;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ConsumerGroupHeartbeatRequest;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::assignment::Assignment;
use super::assignor::{Assignor, Reader};
use super::member::{ConsumerMember, MemberState};
use super::request::{Heartbeat, Rejection, WILL_BE_BACK};
use super::subscription::{Expression, Resolver};
use crate::clock::Ms;
use crate::groups::kept::by_instance;
use crate::memory::{Memory, MemoryUse};
use crate::options::GroupTimes;
use crate::topics::Topics;

#[derive(Debug, Default)]
pub struct ConsumerGroup {
    pub members: BTreeMap<StrBytes, ConsumerMember>,
    /// Incremented by every change of the members, of their subscriptions, or of the topics that they read.
    pub epoch: i32,
    /// The epoch for which the members' targets were made.
    pub assignment_epoch: i32,
    pub assignor: Assignor,
    /// True if a member is new or has changed its subscription since the last target.
    changed: bool,
    /// The topics' change counter at the time when subscriptions were last resolved.
    topics_seen: u64,
    /// Hash of the topics that the members read, with their numbers of partitions.
    read: u64,
    /// Counted memory of the assignments.
    kept: Option<MemoryUse>,
}

/// New targets would need this many bytes, for which there is no room.
#[derive(Debug)]
pub struct NoRoom {
    pub bytes: usize,
}

impl ConsumerGroup {
    pub fn count(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// True if no client has ever joined.
    pub fn is_new(&self) -> bool {
        self.epoch == 0 && self.members.is_empty()
    }

    fn by_instance(&self, instance: &str) -> Option<&StrBytes> {
        by_instance(self.members.iter().map(|(id, member)| (id, &member.instance)), instance)
    }

    fn bump(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
    }

    /// Stores the member's data from the heartbeat. Returns its previous assignment.
    pub fn update(&mut self, id: &StrBytes, beat: &Heartbeat<'_>, longest: Ms, memory: &Memory) -> Option<Assignment> {
        let member = self.members.get_mut(id)?;
        let before = member.assigned.clone();
        self.changed |= member.update(beat, longest);
        member.count(id, memory);
        Some(before)
    }

    /// Memory that a member's heartbeat needs beyond that of its present data.
    pub fn added_bytes(&self, id: &StrBytes, beat: &Heartbeat<'_>) -> usize {
        self.members.get(id).map_or(0, |member| member.cost_after(beat).saturating_sub(member.counted))
    }

    /// Begins a member's session anew.
    pub fn note_heartbeat(&mut self, id: &StrBytes, now: Ms, times: GroupTimes) {
        if let Some(member) = self.members.get_mut(id) {
            member.session_ends = now.saturating_add(Ms::try_from(times.session_ms).unwrap_or(1));
        }
    }

    /// Makes new targets if anything has changed since the last ones.
    pub fn refresh(&mut self, topics: &Topics, memory: &Memory) -> Result<(), NoRoom> {
        let is_due = self.changed || self.epoch != self.assignment_epoch || self.topics_seen != topics.changes();
        if !is_due {
            return Ok(());
        }
        let mut resolver = Resolver::new(topics);
        let read: Vec<BTreeSet<Uuid>> = self.members.values().map(|m| resolver.resolve(&m.subscription)).collect();
        let size = |id: Uuid| topics.by_id(id).and_then(|topic| i32::try_from(topic.partitions.len()).ok());
        let sizes: BTreeMap<Uuid, i32> = read.iter().flatten().filter_map(|&id| Some((id, size(id)?))).collect();
        let mut hasher = DefaultHasher::new();
        sizes.hash(&mut hasher);
        let read_now = hasher.finish();
        if std::mem::take(&mut self.changed) || read_now != self.read {
            self.bump();
        }
        (self.read, self.topics_seen) = (read_now, topics.changes());
        if self.epoch == self.assignment_epoch { Ok(()) } else { self.assign(read, &sizes, memory) }
    }

    fn assign(
        &mut self,
        read: Vec<BTreeSet<Uuid>>,
        sizes: &BTreeMap<Uuid, i32>,
        memory: &Memory,
    ) -> Result<(), NoRoom> {
        let assignor = self.preferred();
        let readers = self.members.values().zip(read);
        let readers: Vec<Reader<'_>> = readers.map(|(m, topics)| Reader { topics, had: &m.target }).collect();
        let targets = assignor.assign(&readers, sizes);
        // Each partition is stored twice, in the target and in the assignment.
        let cost = 2 * targets.iter().map(Assignment::cost).sum::<usize>();
        self.kept = None;
        if !memory.has_room(cost) {
            self.kept = Some(memory.hold(self.members.values().map(ConsumerMember::assignments_cost).sum()));
            return Err(NoRoom { bytes: cost });
        }
        self.kept = Some(memory.hold(cost));
        for (member, target) in self.members.values_mut().zip(targets) {
            member.target = target;
        }
        self.assignor = assignor;
        self.assignment_epoch = self.epoch;
        Ok(())
    }

    /// The assignor that most members request; members without a preference do not count.
    fn preferred(&self) -> Assignor {
        let mut votes: BTreeMap<Assignor, usize> = BTreeMap::new();
        for assignor in self.members.values().filter_map(|m| m.assignor) {
            *votes.entry(assignor).or_default() += 1;
        }
        // With equal numbers of votes, the first assignor wins.
        votes.into_iter().rev().max_by_key(|(_, count)| *count).map(|(assignor, _)| assignor).unwrap_or_default()
    }

    /// Takes a member the next step towards its target.
    pub fn reconcile(&mut self, id: &StrBytes, owned: Option<&Assignment>, now: Ms) -> &ConsumerMember {
        let (id, mut member) = self.members.remove_entry(id).unwrap_or_else(|| (id.clone(), ConsumerMember::default()));
        let others = &self.members;
        let taken = |topic, partition| others.values().any(|other| other.holds(topic, partition));
        member.reconcile(self.assignment_epoch, owned, taken, now);
        self.members.entry(id).or_insert(member)
    }

    pub fn depart(&mut self, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Rejection> {
        let known = match &request.instance_id {
            Some(instance) => self.by_instance(instance),
            None => self.members.get_key_value(&request.member_id).map(|(id, _)| id),
        };
        let Some(id) = known.cloned() else {
            return Err(Rejection::new(ResponseError::UnknownMemberId, "The member is not in the group."));
        };
        if id != request.member_id {
            let words = format!("The instance id is owned by member {}.", id.as_str());
            return Err(Rejection::new(ResponseError::FencedInstanceId, words));
        }
        match self.members.get_mut(&id) {
            Some(member) if request.member_epoch == WILL_BE_BACK => member.go_away(),
            _ => self.remove(&id),
        }
        Ok(())
    }

    /// Removes a member by its id or its instance id, for an operator.
    pub fn expel(&mut self, id: &StrBytes, instance: Option<&StrBytes>) -> Result<(), ResponseError> {
        let id = match instance {
            Some(instance) => self.by_instance(instance).filter(|known| id.is_empty() || *known == id),
            None => self.members.get_key_value(id).map(|(id, _)| id),
        };
        let id = id.cloned().ok_or(ResponseError::UnknownMemberId)?;
        self.remove(&id);
        Ok(())
    }

    fn remove(&mut self, id: &StrBytes) {
        if self.members.remove(id).is_some() {
            self.bump();
        }
        if self.members.is_empty() {
            self.kept = None;
            self.assignment_epoch = self.epoch;
        }
    }

    /// Removes members that have been silent for too long, or that take too long to revoke partitions.
    pub fn tick(&mut self, now: Ms) {
        let late = self.members.iter().filter(|(_, member)| member.deadline() <= now);
        let late: Vec<StrBytes> = late.map(|(id, _)| id.clone()).collect();
        late.iter().for_each(|id| self.remove(id));
    }

    pub fn next_deadline(&self) -> Option<Ms> {
        self.members.values().map(ConsumerMember::deadline).min()
    }

    /// Those of the topics to which a member is subscribed.
    pub fn read_topics<'a>(&self, topics: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let subscriptions = self.members.values().map(|member| &member.subscription);
        let names: BTreeSet<&str> = subscriptions.clone().flat_map(|s| s.names.iter().map(|name| &**name)).collect();
        let texts: BTreeSet<&StrBytes> = subscriptions.filter_map(|s| s.regex.as_ref()).collect();
        let expressions: Vec<Expression> = texts.into_iter().filter_map(|text| Expression::new(text).ok()).collect();
        topics.filter(|topic| names.contains(topic) || expressions.iter().any(|e| e.matches(topic))).collect()
    }

    /// Checks that a member uses its current epoch, without which it may neither commit nor fetch offsets.
    pub fn may_use_offsets(&self, id: &StrBytes, epoch: i32) -> Result<(), ResponseError> {
        let member = self.members.get(id).ok_or(ResponseError::UnknownMemberId)?;
        if member.epoch == epoch { Ok(()) } else { Err(ResponseError::StaleMemberEpoch) }
    }

    /// Panics if an invariant is violated.
    pub fn check_invariants(&self) {
        let mut held = BTreeSet::new();
        for member in self.members.values() {
            for place in member.assigned.partitions().chain(member.revoking.partitions()) {
                assert!(held.insert(place), "a partition has at most one holder");
            }
            let revokes = matches!(member.state, MemberState::Unrevoked { .. });
            assert_eq!(
                revokes,
                !member.revoking.is_empty(),
                "a member is in the state Unrevoked exactly while it has partitions to revoke"
            );
        }
        assert!(self.assignment_epoch <= self.epoch, "targets are not newer than the group");
    }
}
