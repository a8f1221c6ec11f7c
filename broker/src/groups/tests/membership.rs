//! Members join, get their partitions, fall silent and leave.

use super::*;

#[test]
fn one_member_gets_all_at_once() {
    let mut groups = groups();
    settled(&mut groups);
    assert_eq!(state(&groups), "Stable");
    groups.check_invariants();
}

#[test]
fn a_follower_waits_for_the_leaders_assignment() {
    let mut groups = groups();
    let (leader, follower) = two(&mut groups);
    let mut waits = groups.sync(sync_request(&follower, 2, &[]), 0, 0);
    assert!(waits.try_recv().is_err());
    let given = [(&*leader, "one"), (&*follower, "two")];
    assert_eq!(groups.sync(sync_request(&leader, 2, &given), 0, 0).try_recv().unwrap().assignment, "one");
    assert_eq!(waits.try_recv().unwrap().assignment, "two");
}

#[test]
fn a_silent_member_is_removed_and_the_other_gets_all() {
    let mut groups = groups();
    let (leader, follower) = two(&mut groups);
    groups.sync(sync_request(&leader, 2, &[]), 0, 0);
    groups.sync(sync_request(&follower, 2, &[]), 0, 0);
    assert_eq!(heartbeat(&mut groups, &follower, 2, 60), 0);
    assert_eq!(groups.next_deadline(), Some(100));
    groups.tick(100);
    assert_eq!(heartbeat(&mut groups, &leader, 2, 110), ResponseError::UnknownMemberId.code());
    assert_eq!(heartbeat(&mut groups, &follower, 2, 110), ResponseError::RebalanceInProgress.code());
    let alone = join(&mut groups, &follower, 110).try_recv().unwrap();
    assert_eq!((alone.generation_id, &*alone.leader, alone.members.len()), (3, &*follower, 1));
    assert_eq!(heartbeat(&mut groups, &follower, 2, 110), ResponseError::IllegalGeneration.code());
}

#[test]
fn a_leader_that_dies_before_it_assigns_does_not_block_the_others() {
    let mut groups = groups();
    let (_, follower) = two(&mut groups);
    let mut waits = groups.sync(sync_request(&follower, 2, &[]), 0, 0);
    groups.tick(100);
    assert_eq!(waits.try_recv().unwrap().error_code, ResponseError::RebalanceInProgress.code());
    assert_eq!(&*join(&mut groups, &follower, 110).try_recv().unwrap().leader, &*follower);
}

#[test]
fn a_member_that_does_not_rejoin_in_time_is_removed() {
    let mut groups = groups();
    let first = settled(&mut groups);
    let mut second = join(&mut groups, "", 0);
    for now in (50..300).step_by(50) {
        assert_eq!(heartbeat(&mut groups, &first, 1, now), ResponseError::RebalanceInProgress.code());
        groups.tick(now);
    }
    assert!(second.try_recv().is_err());
    groups.tick(300);
    assert_eq!(second.try_recv().unwrap().members.len(), 1);
}

#[test]
fn a_join_of_a_closed_connection_does_not_block_the_others() {
    let mut groups = groups();
    let first = settled(&mut groups);
    drop(groups.join(join_request(""), 3, &requester(7), 0));
    groups.disconnected(7, 0);
    assert_eq!(join(&mut groups, &first, 0).try_recv().unwrap().members.len(), 1);
}

#[test]
fn a_member_needs_an_id_first() {
    let mut groups = groups();
    let answer = groups.join(join_request(""), 4, &requester(1), 0).try_recv().unwrap();
    assert_eq!(answer.error_code, ResponseError::MemberIdRequired.code());
    let joined = groups.join(join_request(&answer.member_id), 4, &requester(1), 0).try_recv().unwrap();
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
}

#[test]
fn an_id_that_is_never_used_is_forgotten() {
    let mut groups = groups();
    let answer = groups.join(join_request(""), 4, &requester(1), 0).try_recv().unwrap();
    groups.tick(groups.next_deadline().unwrap());
    assert!(groups.is_empty());
    let refused = groups.join(join_request(&answer.member_id), 4, &requester(1), 0).try_recv().unwrap();
    assert_eq!(refused.error_code, ResponseError::UnknownMemberId.code());
}

#[test]
fn a_static_member_returns_without_a_rebalance() {
    let mut groups = groups();
    let old = join_static(&mut groups, 9, 0).try_recv().unwrap().member_id;
    groups.sync(sync_request(&old, 1, &[(&old, "all")]), 0, 0);
    let back = join_static(&mut groups, 9, 50).try_recv().unwrap();
    assert_eq!((back.generation_id, back.skip_assignment), (1, true));
    let given = groups.sync(sync_request(&back.member_id, 1, &[]), 0, 50).try_recv().unwrap();
    assert_eq!(given.assignment, "all");
    let request = HeartbeatRequest::default().with_group_id(group()).with_member_id(old).with_generation_id(1);
    let fenced = groups.heartbeat(&request.with_group_instance_id(Some(id("s"))), 50);
    assert_eq!(fenced.error_code, ResponseError::FencedInstanceId.code());
    let leaver = Identity::default().with_group_instance_id(Some(id("s")));
    let left = groups.leave(&LeaveGroupRequest::default().with_group_id(group()).with_members(vec![leaver]), 3, 50);
    assert_eq!((left.members[0].error_code, &*state(&groups)), (0, "Empty"));
}

#[test]
fn joins_that_do_not_fit_are_refused() {
    let mut groups = groups();
    settled(&mut groups);
    let cases = [
        (join_request("").with_group_id(GroupId::default()), ResponseError::InvalidGroupId),
        (join_request("").with_session_timeout_ms(0), ResponseError::InvalidSessionTimeout),
        (join_request("").with_protocol_type(id("connect")), ResponseError::InconsistentGroupProtocol),
        (join_request("").with_protocols(Vec::new()), ResponseError::InconsistentGroupProtocol),
        (join_request("stranger"), ResponseError::UnknownMemberId),
        (join_request("").with_protocol_type(id(&"x".repeat(1001))), ResponseError::InvalidRequest),
    ];
    for (request, expected) in cases {
        let answer = groups.join(request, 3, &requester(1), 0).try_recv().unwrap();
        assert_eq!(answer.error_code, expected.code(), "{expected:?}");
    }
    let _three: Vec<Joining> = (0..3).map(|_| join(&mut groups, "", 0)).collect();
    let full = join(&mut groups, "", 0).try_recv().unwrap();
    assert_eq!(full.error_code, ResponseError::GroupMaxSizeReached.code());
}
