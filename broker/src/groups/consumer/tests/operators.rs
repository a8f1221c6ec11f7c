//! Offsets, and the requests of operators: describing and deleting groups.

use super::*;

#[test]
fn offsets_are_a_members_in_its_epoch() {
    let mut rig = Rig::new();
    let (a, _) = rig.two();
    assert_eq!(rig.commit(&a, 2, 9), 0);
    assert_eq!(rig.commit(&a, 1, 9), StaleMemberEpoch.code());
    assert_eq!(rig.commit(&a, 2, 8), UnsupportedVersion.code());
    assert_eq!(rig.commit(&Client::new("x"), 2, 9), UnknownMemberId.code());
    assert_eq!(rig.commit(&Client::new(""), -1, 9), UnknownMemberId.code(), "an operator waits until nobody is in it");
    let fetch = |rig: &Rig, member: Option<&str>, epoch| {
        let asked = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None);
        let asked = asked.with_member_id(member.map(id)).with_member_epoch(epoch);
        rig.groups.fetch_offsets(&OffsetFetchRequest::default().with_groups(vec![asked]), 9).groups.remove(0)
    };
    let offset = |group: kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup| {
        (group.error_code, group.topics.first().map(|t| t.partitions[0].committed_offset))
    };
    assert_eq!(offset(fetch(&rig, Some("a"), 2)), (0, Some(5)));
    assert_eq!(offset(fetch(&rig, None, -1)), (0, Some(5)));
    assert_eq!(offset(fetch(&rig, Some("a"), 1)), (StaleMemberEpoch.code(), None));
    assert_eq!(offset(fetch(&rig, Some("x"), 1)), (UnknownMemberId.code(), None));
}

#[test]
fn a_group_without_members_changes_its_protocol() {
    let mut rig = Rig::new();
    let (a, b) = rig.two();
    rig.commit(&a, 2, 9);
    let refused = join(&mut rig.groups, "", 0).try_recv().unwrap();
    assert_eq!(refused.error_code, InconsistentGroupProtocol.code());
    let beat = HeartbeatRequest::default().with_group_id(group()).with_member_id(a.id.clone());
    assert_eq!(rig.groups.heartbeat(&beat, 0).error_code, UnknownMemberId.code());
    // The first member leaves by itself, and an operator removes the other.
    rig.leave(&a, -1);
    let leaver = MemberIdentity::default().with_member_id(b.id);
    let request = LeaveGroupRequest::default().with_group_id(group()).with_members(vec![leaver]);
    assert_eq!(rig.groups.leave(&request, 3, 0).members[0].error_code, 0);
    let member = settled(&mut rig.groups);
    assert_eq!(state(&rig.groups), "Stable");
    let first = Client::new("c").request();
    let refused = rig.send(&first);
    assert_eq!(refused.error_code, InvalidRequest.code());
    assert!(refused.error_message.unwrap().contains("classic protocol"));
    rig.groups.leave(&LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member)), 0, 0);
    let mut c = Client::new("c");
    rig.beat(&mut c);
    assert_eq!(c.partitions().len(), 4);
    let asked = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None);
    let fetched = rig.groups.fetch_offsets(&OffsetFetchRequest::default().with_groups(vec![asked]), 8);
    assert_eq!(fetched.groups[0].topics[0].partitions[0].committed_offset, 5, "how far it got is kept");
}

#[test]
fn operators_list_describe_and_delete_it() {
    let mut rig = Rig::new();
    assert_eq!(described(&rig).error_code, GroupIdNotFound.code());
    let (a, b) = rig.two();
    let group_described = described(&rig);
    assert_eq!((group_described.group_epoch, group_described.assignment_epoch), (2, 2));
    let member = &group_described.members[0];
    assert_eq!((&*member.member_id, member.member_epoch, member.member_type), ("a", 2, 1));
    assert_eq!(member.assignment, member.target_assignment);
    assert_eq!(member.assignment.topic_partitions[0].topic_name, TopicName(id("t")));
    let types = |types: &[&str]| {
        let request = ListGroupsRequest::default().with_types_filter(types.iter().map(|t| id(t)).collect());
        rig.groups.list(&request, 5).groups.len()
    };
    assert_eq!((types(&[]), types(&["consumer"]), types(&["classic"])), (1, 1, 0));
    let classic = |version| {
        let request = DescribeGroupsRequest::default().with_groups(vec![group()]);
        rig.groups.describe(&request, version).groups.remove(0)
    };
    assert_eq!((classic(6).error_code, &*classic(5).group_state), (GroupIdNotFound.code(), "Dead"));
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    assert_eq!(rig.groups.delete(&delete).results[0].error_code, NonEmptyGroup.code());
    rig.leave(&a, -1);
    assert_eq!(state_of(&rig), "Assigning");
    rig.leave(&b, -1);
    assert_eq!(state_of(&rig), "Empty");
    assert_eq!(rig.groups.delete(&delete).results[0].error_code, 0);
    assert!(rig.groups.is_empty());
}

#[test]
fn offsets_of_topics_that_match_no_expression_can_be_deleted() {
    let (mut rig, a) = (Rig::new(), Client::new("a"));
    let regex = |request: ConsumerGroupHeartbeatRequest| request.with_subscribed_topic_regex(Some(id("cam.*")));
    assert_eq!(rig.error(&regex(a.request())), None);
    let topic = |name: &str| {
        let partitions = vec![OffsetDeleteRequestPartition::default()];
        OffsetDeleteRequestTopic::default().with_name(TopicName(id(name))).with_partitions(partitions)
    };
    let topics = ["cam1", "t", "other", "xcam"].map(topic).to_vec();
    let request = OffsetDeleteRequest::default().with_group_id(group()).with_topics(topics);
    let answer = rig.groups.delete_offsets(&request);
    let codes: Vec<i16> = answer.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
    let read = GroupSubscribedToTopic.code();
    assert_eq!(codes, [read, read, 0, 0]);
}
