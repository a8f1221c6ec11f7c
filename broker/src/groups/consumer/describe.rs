//! Describes groups of the consumer protocol to operators.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::{
    self as described, Assignment as DescribedAssignment, DescribedGroup, TopicPartitions,
};
use kafka_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::assignment::Assignment;
use super::group::ConsumerGroup;
use super::member::ConsumerMember;
use crate::groups::kept::copied;
use crate::groups::{Groups, Members};
use crate::topics::Topics;

/// Code for a member of this protocol in a description.
const MEMBER_TYPE: i8 = 1;

/// Error message for a group that does not use this protocol.
pub fn not_of_this_protocol(group: &str) -> String {
    format!("Group {group} is not a consumer group.")
}

impl Groups {
    pub fn consumer_describe(
        &self,
        request: &ConsumerGroupDescribeRequest,
        topics: &Topics,
    ) -> ConsumerGroupDescribeResponse {
        let one = |id: &GroupId| {
            let absent = |words: String| {
                DescribedGroup::default()
                    .with_group_id(id.clone())
                    .with_error_code(ResponseError::GroupIdNotFound.code())
                    .with_error_message(Some(StrBytes::from_string(words)))
            };
            match self.groups.get(&***id).map(|group| &group.members) {
                Some(Members::Consumer(group)) => group.described(id, topics),
                Some(Members::Classic(_)) => absent(not_of_this_protocol(id)),
                None => absent(format!("Group {} not found.", id.as_str())),
            }
        };
        // Each group is described once, so that a short request cannot get a much longer answer.
        let mut seen = BTreeSet::new();
        let groups = request.group_ids.iter().filter(|id| seen.insert(id.as_str())).map(one);
        ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
    }
}

impl ConsumerGroup {
    pub fn state_name(&self) -> &'static str {
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.assignment_epoch {
            "Assigning"
        } else if self.members.values().all(|member| member.is_reconciled(self.assignment_epoch)) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    fn described(&self, id: &GroupId, topics: &Topics) -> DescribedGroup {
        let members = self.members.iter().map(|(id, member)| described_member(id, member, topics));
        DescribedGroup::default()
            .with_group_id(id.clone())
            .with_group_state(self.state_name().into())
            .with_group_epoch(self.epoch)
            .with_assignment_epoch(self.assignment_epoch)
            .with_assignor_name(self.assignor.name().into())
            .with_members(members.collect())
    }
}

fn described_member(id: &StrBytes, member: &ConsumerMember, topics: &Topics) -> described::Member {
    described::Member::default()
        .with_member_id(id.clone())
        .with_instance_id(member.instance.clone())
        .with_rack_id(member.rack.clone())
        .with_member_epoch(member.epoch)
        .with_client_id(member.client_id.clone())
        .with_client_host(member.host.clone())
        .with_subscribed_topic_names(member.subscription.names.iter().cloned().map(TopicName).collect())
        .with_subscribed_topic_regex(member.subscription.regex.clone())
        .with_assignment(assignment(&member.assigned, topics))
        .with_target_assignment(assignment(&member.target, topics))
        .with_member_type(MEMBER_TYPE)
}

/// Describes an assignment. Topics deleted in the meantime have no name, and are left out.
fn assignment(assignment: &Assignment, topics: &Topics) -> DescribedAssignment {
    let topic = |(id, partitions): (Uuid, &BTreeSet<i32>)| {
        let name = topics.name_of(id)?;
        Some(
            TopicPartitions::default()
                .with_topic_id(id)
                .with_topic_name(TopicName(copied(name)))
                .with_partitions(partitions.iter().copied().collect()),
        )
    };
    DescribedAssignment::default().with_topic_partitions(assignment.topics().filter_map(topic).collect())
}
