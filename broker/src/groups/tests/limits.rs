//! Limits on groups and on their memory, and the groups that make room.

use super::*;

#[test]
fn data_from_members_are_counted_and_bounded() {
    let memory_bytes = 50_000;
    let mut groups = Groups::new(GroupLimits { groups: 1000, memory_bytes, ..limits() }, &Memory::new(0));
    let large = |nth: usize| {
        let protocol = JoinGroupRequestProtocol::default().with_name(id("range"));
        let protocols = vec![protocol.with_metadata(Bytes::from(vec![0; 900]))];
        join_request("").with_group_id(GroupId(id(&nth.to_string()))).with_protocols(protocols)
    };
    let refused = (0..100).find(|&nth| {
        let mut answer = groups.join(large(nth), 3, &requester(1), 0);
        answer.try_recv().unwrap().error_code == ResponseError::CoordinatorNotAvailable.code()
    });
    assert!(refused.is_some_and(|nth| nth > 10), "{refused:?}");
    assert!(groups.memory_used() <= memory_bytes && groups.memory_used() > memory_bytes / 2);
    groups.tick(100_000);
    assert_eq!(groups.memory_used(), 0);
    let long = join_request("").with_group_id(GroupId(id(&"g".repeat(2000))));
    assert_eq!(
        groups.join(long, 3, &requester(1), 0).try_recv().unwrap().error_code,
        ResponseError::InvalidGroupId.code()
    );
}

#[test]
fn at_the_limit_of_groups_the_one_without_members_for_longest_is_forgotten() {
    let mut groups = groups();
    let commit = |(nth, name)| commit_to(&mut groups, name, nth, "");
    assert_eq!([(1, "a"), (2, "b"), (3, "c"), (4, "d")].map(commit), [0; 4]);
    assert_eq!(groups.len(), 3);
    let asked = OffsetDeleteRequest::default().with_group_id(GroupId(id("a")));
    assert_eq!(groups.delete_offsets(&asked).error_code, ResponseError::GroupIdNotFound.code());
}

#[test]
fn groups_without_members_make_room_in_the_memory_and_others_do_not() {
    let mut groups = Groups::new(GroupLimits { groups: 1000, ..limits() }, &Memory::new(0));
    let member = settled(&mut groups);
    assert_eq!(commit(&mut groups, &member, 1, 0, 7), 0);
    let many = fill_with_empty_groups(&mut groups);
    assert!(many > 50, "{many}");
    // A commit of another group, and a member with much metadata.
    assert_eq!(commit_to(&mut groups, "another", 1, &"n".repeat(1000)), 0);
    assert_eq!(groups.len(), many, "one group made room for another");
    let large = JoinGroupRequestProtocol::default().with_name(id("range")).with_metadata(Bytes::from(vec![0; 900]));
    let request = join_request("").with_group_id(GroupId(id("joined"))).with_protocols(vec![large]);
    assert_eq!(groups.join(request, 3, &requester(1), 1).try_recv().unwrap().error_code, 0);
    assert!(groups.groups.contains_key("joined") && groups.groups.contains_key("another"));
    // No group is removed if that cannot suffice.
    let before = groups.len();
    let full = groups.memory.hold(limits().memory_bytes);
    assert_eq!(commit_to(&mut groups, "last", 2, ""), ResponseError::CoordinatorNotAvailable.code());
    assert_eq!((groups.len(), committed(&groups, 0)), (before, 7));
    // A commit that replaces an equal one needs no room.
    assert_eq!(commit(&mut groups, &member, 1, 0, 8), 0);
    drop(full);
    groups.check_invariants();
}

#[test]
fn a_refused_request_removes_no_group() {
    let mut groups = groups();
    for (name, now) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(commit_to(&mut groups, name, now, ""), 0);
    }
    let new = |member: &str| join_request(member).with_group_id(GroupId(id("new")));
    for request in [new("").with_protocols(Vec::new()), new("").with_protocol_type(id("")), new("stranger")] {
        let answer = groups.join(request, 3, &requester(1), 5).try_recv().unwrap();
        assert_ne!(answer.error_code, 0);
    }
    let request = commit_request("", -1, 99, 5).with_group_id(GroupId(id("new")));
    let answer = groups.commit(&request, 2, 5, |_, index| index < 9);
    assert_eq!(answer.topics[0].partitions[0].error_code, ResponseError::UnknownTopicOrPartition.code());
    assert_eq!(groups.groups.keys().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(commit_to(&mut groups, "new", 5, ""), 0);
    assert_eq!(groups.groups.keys().map(String::as_str).collect::<Vec<_>>(), ["b", "c", "new"]);
}
