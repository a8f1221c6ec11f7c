//! Describes groups of the classic protocol to operators.

use kafka_protocol::messages::GroupId;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::protocol::StrBytes;

use super::group::{ClassicGroup, ClassicState};
use super::member::ClassicMember;
use super::subscription;

impl ClassicGroup {
    pub fn state_name(&self) -> &'static str {
        self.state.name()
    }

    pub fn protocol_type(&self) -> StrBytes {
        self.protocol_type.clone()
    }

    /// True if a member is, or may be, subscribed to the topic.
    pub fn reads(&self, topic: &str) -> bool {
        self.members.values().any(|m| subscription::includes(&m.profile.protocols, topic))
    }

    /// Describes the group. Between generations protocols and assignments are left out, because they are about to
    /// change.
    pub fn described(&self, id: &GroupId) -> DescribedGroup {
        let stable = self.state == ClassicState::Stable;
        let member = |(id, member): (&StrBytes, &ClassicMember)| {
            let described = DescribedGroupMember::default()
                .with_member_id(id.clone())
                .with_group_instance_id(member.instance.clone())
                .with_client_id(member.profile.client_id.clone())
                .with_client_host(member.profile.host.clone());
            match stable {
                true => described
                    .with_member_metadata(member.metadata(&self.protocol))
                    .with_member_assignment(member.assignment.clone()),
                false => described,
            }
        };
        DescribedGroup::default()
            .with_group_id(id.clone())
            .with_group_state(self.state.name().into())
            .with_protocol_type(self.protocol_type.clone())
            .with_protocol_data(if stable { self.protocol.clone() } else { StrBytes::new() })
            .with_members(self.members.iter().map(member).collect())
    }
}
