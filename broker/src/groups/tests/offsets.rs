//! Committed offsets, and groups that remain without members.

use super::*;

#[test]
fn offsets_are_kept_and_bounded() {
    let mut groups = groups();
    assert_eq!(committed(&groups, 0), -1);
    assert_eq!(commit(&mut groups, "", -1, 9, 5), ResponseError::UnknownTopicOrPartition.code());
    assert!(groups.is_empty(), "a commit of nothing makes no group");
    assert_eq!(commit(&mut groups, "", -1, 0, 5), 0);
    assert_eq!((committed(&groups, 0), &*state(&groups)), (5, "Empty"));
    let member = settled(&mut groups);
    assert_eq!(commit(&mut groups, "", -1, 0, 6), ResponseError::UnknownMemberId.code());
    assert_eq!(commit(&mut groups, &member, 0, 0, 6), ResponseError::IllegalGeneration.code());
    assert_eq!([0, 1, 2].map(|index| commit(&mut groups, &member, 1, index, 7)), [0, 0, 0]);
    assert_eq!(commit(&mut groups, &member, 1, 3, 7), ResponseError::InvalidCommitOffsetSize.code());
    groups.forget_topic("t");
    assert_eq!(committed(&groups, 0), -1);
}

#[test]
fn groups_and_offsets_in_use_are_not_deleted() {
    let mut groups = groups();
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    let partition = OffsetDeleteRequestPartition::default();
    let topic = OffsetDeleteRequestTopic::default().with_name(TopicName(id("t"))).with_partitions(vec![partition]);
    let offsets = OffsetDeleteRequest::default().with_group_id(group()).with_topics(vec![topic]);
    assert_eq!(groups.delete(&delete).results[0].error_code, ResponseError::GroupIdNotFound.code());
    let member = settled(&mut groups);
    commit(&mut groups, &member, 1, 0, 5);
    assert_eq!(groups.delete(&delete).results[0].error_code, ResponseError::NonEmptyGroup.code());
    let refused = groups.delete_offsets(&offsets).topics[0].partitions[0].error_code;
    assert_eq!(refused, ResponseError::GroupSubscribedToTopic.code());
    groups.tick(100);
    assert_eq!(state(&groups), "Empty");
    assert_eq!(groups.delete_offsets(&offsets).topics[0].partitions[0].error_code, 0);
    assert_eq!(groups.delete(&delete).results[0].error_code, 0);
    assert!(groups.is_empty());
}

#[test]
fn a_group_that_never_committed_stays_when_its_last_member_leaves() {
    let mut groups = groups();
    let member = settled(&mut groups);
    let leave = LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member));
    assert_eq!(groups.leave(&leave, 0, 5).error_code, 0);
    assert_eq!(state(&groups), "Empty");
    let listed = groups.list(&ListGroupsRequest::default(), 5).groups.remove(0);
    assert_eq!((&*listed.group_state, &*listed.protocol_type), ("Empty", "consumer"));
    groups.tick(1_000_000);
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    assert_eq!(groups.delete(&delete).results[0].error_code, 0);
    assert_eq!(state(&groups), "Dead");
}

#[test]
fn of_groups_without_members_the_one_that_was_left_first_makes_room() {
    let mut groups = groups();
    for (name, left) in [("a", 90), ("b", 70), ("c", 80)] {
        let request = join_request("").with_group_id(GroupId(id(name)));
        let member = groups.join(request, 3, &requester(1), 0).try_recv().unwrap().member_id;
        let leave = LeaveGroupRequest::default().with_group_id(GroupId(id(name))).with_member_id(member);
        groups.leave(&leave, 0, left);
    }
    settled(&mut groups);
    let names: Vec<_> =
        groups.list(&ListGroupsRequest::default(), 5).groups.into_iter().map(|g| g.group_id.0).collect();
    assert_eq!(names, ["a", "c", "g"].map(id));
}
