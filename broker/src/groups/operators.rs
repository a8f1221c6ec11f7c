//! Operators' requests about groups: list them, describe one, and delete one or some of its offsets.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    ListGroupsRequest, ListGroupsResponse, OffsetDeleteRequest, OffsetDeleteResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::kept::{code, copied};
use super::{Group, Groups, Members};

/// First versions in which an answer has a listed group's state, and its type.
const STATE_SINCE: i16 = 4;
const TYPE_SINCE: i16 = 5;
/// First version in which a missing group is an error.
const NOT_FOUND_SINCE: i16 = 6;

impl Groups {
    pub fn list(&self, request: &ListGroupsRequest, version: i16) -> ListGroupsResponse {
        let listed = self.groups.iter().filter_map(|(id, group)| group.listed(id, request, version));
        ListGroupsResponse::default().with_groups(listed.collect())
    }

    pub fn describe(&self, request: &DescribeGroupsRequest, version: i16) -> DescribeGroupsResponse {
        let described = request.groups.iter().map(|id| match self.groups.get(&***id) {
            Some(Group { members: Members::Classic(group), .. }) => group.described(id),
            Some(_) => absent(id, version, "is not a classic group"),
            None => absent(id, version, "not found"),
        });
        DescribeGroupsResponse::default().with_groups(described.collect())
    }

    pub fn delete(&mut self, request: &DeleteGroupsRequest) -> DeleteGroupsResponse {
        let results = request.groups_names.iter().map(|id| {
            let result = DeletableGroupResult::default().with_group_id(id.clone());
            result.with_error_code(code(self.delete_one(id)))
        });
        let results = results.collect();
        DeleteGroupsResponse::default().with_results(results)
    }

    fn delete_one(&mut self, id: &str) -> Result<(), ResponseError> {
        let group = self.groups.get(id).ok_or(ResponseError::GroupIdNotFound)?;
        if !group.members.is_empty() {
            return Err(ResponseError::NonEmptyGroup);
        }
        self.groups.remove(id);
        Ok(())
    }

    pub fn delete_offsets(&mut self, request: &OffsetDeleteRequest) -> OffsetDeleteResponse {
        let Some(group) = self.groups.get_mut(&**request.group_id) else {
            return OffsetDeleteResponse::default().with_error_code(ResponseError::GroupIdNotFound.code());
        };
        let answer = group.delete_offsets(request);
        self.finish(&request.group_id);
        answer
    }
}

fn absent(id: &GroupId, version: i16, why: &str) -> DescribedGroup {
    let dead = DescribedGroup::default().with_group_id(id.clone()).with_group_state("Dead".into());
    if version < NOT_FOUND_SINCE {
        return dead;
    }
    let message = StrBytes::from_string(format!("Group {} {why}.", id.as_str()));
    dead.with_error_code(ResponseError::GroupIdNotFound.code()).with_error_message(Some(message))
}

impl Group {
    fn listed(&self, id: &str, request: &ListGroupsRequest, version: i16) -> Option<ListedGroup> {
        let passes = |filter: &[StrBytes], ours: &str| {
            filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(ours))
        };
        let (state, kind) = (self.members.state_name(), self.members.type_name());
        if !passes(&request.states_filter, state) || !passes(&request.types_filter, kind) {
            return None;
        }
        let mut listed = ListedGroup::default().with_group_id(GroupId(copied(id)));
        listed.protocol_type = self.members.protocol_type();
        if version >= STATE_SINCE {
            listed.group_state = state.into();
        }
        if version >= TYPE_SINCE {
            listed.group_type = kind.into();
        }
        Some(listed)
    }

    fn delete_offsets(&mut self, request: &OffsetDeleteRequest) -> OffsetDeleteResponse {
        if !self.members.is_empty() && self.members.protocol_type() != *"consumer" {
            return OffsetDeleteResponse::default().with_error_code(ResponseError::NonEmptyGroup.code());
        }
        let read = self.members.read_topics(request.topics.iter().map(|topic| topic.name.as_str()));
        let mut topics = Vec::new();
        for topic in &request.topics {
            let read = read.contains(topic.name.as_str());
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
