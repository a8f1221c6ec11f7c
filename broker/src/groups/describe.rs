//! What operators ask of groups: which there are, who is in one, and that one be forgotten.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{GroupId, ListGroupsRequest, OffsetDeleteRequest, OffsetDeleteResponse};
use kafka_protocol::protocol::StrBytes;

use super::group::{Group, State};
use super::member::{Member, copied};
use super::subscription;

pub(super) fn unknown(id: &GroupId, version: i16) -> DescribedGroup {
    let dead = DescribedGroup::default().with_group_id(id.clone()).with_group_state("Dead".into());
    if version < 6 {
        return dead;
    }
    let message = StrBytes::from_string(format!("Group {} not found.", id.as_str()));
    dead.with_error_code(ResponseError::GroupIdNotFound.code()).with_error_message(Some(message))
}

impl Group {
    /// Between generations nothing is said of protocols and assignments: they are about to change.
    pub(super) fn described(&self, id: &GroupId) -> DescribedGroup {
        let stable = self.state == State::Stable;
        let member = |(id, member): (&StrBytes, &Member)| {
            let told = DescribedGroupMember::default()
                .with_member_id(id.clone())
                .with_group_instance_id(member.instance.clone())
                .with_client_id(member.client_id.clone())
                .with_client_host(member.host.clone());
            match stable {
                true => told
                    .with_member_metadata(member.metadata(&self.protocol))
                    .with_member_assignment(member.assignment.clone()),
                false => told,
            }
        };
        DescribedGroup::default()
            .with_group_id(id.clone())
            .with_group_state(self.state.name().into())
            .with_protocol_type(self.protocol_type.clone())
            .with_protocol_data(if stable { self.protocol.clone() } else { StrBytes::new() })
            .with_members(self.members.iter().map(member).collect())
    }

    pub(super) fn listed(&self, id: &str, request: &ListGroupsRequest, version: i16) -> Option<ListedGroup> {
        let passes = |filter: &[StrBytes], ours: &str| {
            filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(ours))
        };
        if !passes(&request.states_filter, self.state.name()) || !passes(&request.types_filter, "classic") {
            return None;
        }
        let mut listed =
            ListedGroup::default().with_group_id(GroupId(copied(id))).with_protocol_type(self.protocol_type.clone());
        if version >= 4 {
            listed.group_state = self.state.name().into();
        }
        if version >= 5 {
            listed.group_type = "classic".into();
        }
        Some(listed)
    }

    pub(super) fn delete_offsets(&mut self, request: &OffsetDeleteRequest) -> OffsetDeleteResponse {
        if self.state != State::Empty && self.protocol_type != *"consumer" {
            return OffsetDeleteResponse::default().with_error_code(ResponseError::NonEmptyGroup.code());
        }
        let mut topics = Vec::new();
        for topic in &request.topics {
            let read = self.members.values().any(|m| subscription::includes(&m.protocols, &topic.name));
            let mut partitions = Vec::new();
            for partition in &topic.partitions {
                let mut answer =
                    OffsetDeleteResponsePartition::default().with_partition_index(partition.partition_index);
                if read {
                    answer.error_code = ResponseError::GroupSubscribedToTopic.code();
                } else {
                    self.offsets.remove(&topic.name, partition.partition_index);
                }
                partitions.push(answer);
            }
            let name = topic.name.clone();
            topics.push(OffsetDeleteResponseTopic::default().with_name(name).with_partitions(partitions));
        }
        OffsetDeleteResponse::default().with_topics(topics)
    }
}
