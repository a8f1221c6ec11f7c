//! Requests that are fenced or refused, static members, and the encoding of answers.

use super::*;

#[test]
fn epochs_that_do_not_fit_are_fenced() {
    let mut rig = Rig::new();
    let (a, b) = rig.two();
    let with = |client: &Client, epoch| client.request().with_member_epoch(epoch);
    assert_eq!(rig.error(&with(&a, 3)), Some(FencedMemberEpoch));
    // The previous epoch with the partitions of the member, or fewer, means that the answer was lost.
    assert_eq!(rig.error(&with(&a, 1)), None);
    assert_eq!(rig.error(&with(&a, 1).with_topic_partitions(None)), Some(FencedMemberEpoch));
    let others = b.request().topic_partitions;
    assert_eq!(rig.error(&with(&a, 1).with_topic_partitions(others)), Some(FencedMemberEpoch));
    // A fenced member joins again with its own id.
    let mut again = Client::new("a");
    rig.beat(&mut again);
    assert_eq!(again.partitions().len(), 2);
    assert_eq!(rig.error(&Client { epoch: 2, ..Client::new("nobody") }.request()), Some(UnknownMemberId));
    let elsewhere = a.request().with_group_id(GroupId(id("other")));
    assert_eq!(rig.error(&elsewhere), Some(UnknownMemberId), "a broker that was started anew knows no groups");
    let commit = |rig: &mut Rig, version| {
        let request = commit_request("a", 2, 0, 5).with_group_id(GroupId(id("other")));
        let answer = rig.groups.commit(&request, version, 0, |_, _| true);
        ResponseError::try_from_code(answer.topics[0].partitions[0].error_code)
    };
    assert_eq!((commit(&mut rig, 8), commit(&mut rig, 9)), (Some(IllegalGeneration), Some(UnknownMemberId)));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut rig = Rig::new();
    let first = || Client::new("a").request();
    let some = || Some(vec![TopicPartitions::default()]);
    let cases = [
        (first().with_group_id(GroupId(id(""))), InvalidRequest),
        (first().with_group_id(GroupId(id(&"g".repeat(2000)))), InvalidGroupId),
        (first().with_member_id(id("")), InvalidRequest),
        (first().with_instance_id(Some(id(""))), InvalidRequest),
        (first().with_rack_id(Some(id(""))), InvalidRequest),
        (first().with_rebalance_timeout_ms(-1), InvalidRequest),
        (first().with_topic_partitions(None), InvalidRequest),
        (first().with_topic_partitions(some()), InvalidRequest),
        (first().with_subscribed_topic_names(None), InvalidRequest),
        (first().with_member_epoch(-2), InvalidRequest),
        (first().with_member_epoch(-3), InvalidRequest),
        (first().with_member_epoch(-1), GroupIdNotFound),
        (first().with_server_assignor(Some(id("sticky"))), UnsupportedAssignor),
        (first().with_subscribed_topic_regex(Some(id("("))), InvalidRegularExpression),
        (first().with_subscribed_topic_regex(Some(id(&"r".repeat(1025)))), InvalidRegularExpression),
        (first().with_subscribed_topic_names(Some(vec![TopicName(id(&"t".repeat(1001)))])), InvalidRequest),
        (first().with_rack_id(Some(id(&"r".repeat(1025)))), InvalidRequest),
        (first().with_member_id(id(&"m".repeat(1025))), InvalidRequest),
        (first().with_instance_id(Some(id(&"i".repeat(1025)))), InvalidRequest),
    ];
    for (request, expected) in cases {
        assert_eq!(rig.error(&request), Some(expected), "{request:?}");
        assert!(rig.groups.is_empty(), "a request that is refused makes no group");
    }
    // In version 0 members cannot choose their ids.
    let answer = rig.groups.consumer_heartbeat(&first().with_member_id(id("")), 0, &requester(1), &rig.topics, 0);
    assert!(answer.error_code == 0 && answer.member_id.is_some_and(|id| !id.is_empty()));
}

#[test]
fn a_static_member_of_version_0_returns_with_a_new_id() {
    let mut rig = Rig::new();
    let first = Client::of_instance("", "one").request();
    let heartbeat = |rig: &mut Rig, request: &ConsumerGroupHeartbeatRequest| {
        let answer = rig.groups.consumer_heartbeat(request, 0, &requester(1), &rig.topics, 0);
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        answer.member_id.unwrap()
    };
    let before = heartbeat(&mut rig, &first);
    let leaves = first.clone().with_member_id(before.clone()).with_member_epoch(-2);
    heartbeat(&mut rig, &leaves);
    let back = heartbeat(&mut rig, &first);
    assert!(!back.is_empty() && back != before, "{back:?} {before:?}");
    assert_eq!(described(&rig).members.len(), 1);
}

#[test]
fn a_static_member_that_will_be_back_keeps_its_partitions() {
    let (mut rig, mut a, mut b) = (Rig::new(), Client::of_instance("a", "one"), Client::new("b"));
    rig.beat(&mut a);
    rig.beat(&mut b);
    (0..2).for_each(|_| rig.beat(&mut a));
    rig.beat(&mut b);
    let (epoch, had) = (a.epoch, a.partitions());
    let mut back = Client::of_instance("a2", "one");
    assert_eq!(rig.error(&back.request()), Some(UnreleasedInstanceId));
    assert_eq!(rig.leave(&back, -2), FencedInstanceId.code());
    assert_eq!(rig.leave(&a, -2), 0);
    rig.beat(&mut b);
    assert_eq!(b.partitions().len(), 2, "nothing of the one that is away");
    assert_eq!(rig.error(&a.request()), Some(FencedMemberEpoch));
    rig.beat(&mut back);
    assert_eq!((back.epoch, back.partitions()), (epoch, had));
    assert_eq!(rig.error(&a.request()), Some(FencedInstanceId));
    assert_eq!(rig.error(&Client { epoch: 1, ..Client::of_instance("x", "none") }.request()), Some(UnknownMemberId));
    // A member that stays away is removed when its session ends.
    assert_eq!(rig.leave(&back, -2), 0);
    rig.now = SESSION_MS - 1;
    rig.beat(&mut b);
    rig.now = SESSION_MS;
    rig.groups.tick(rig.now);
    rig.beat(&mut b);
    assert_eq!(b.partitions(), [0, 1, 2, 3]);
}

#[test]
fn every_answer_can_be_encoded() {
    let mut rig = Rig::new();
    rig.two();
    for version in 0..=1 {
        let answer = rig.groups.consumer_heartbeat(&Client::new("a").request(), version, &requester(1), &rig.topics, 0);
        encodes(&answer, version);
        let wrong = Client { epoch: 9, ..Client::new("x") }.request();
        encodes(&rig.groups.consumer_heartbeat(&wrong, version, &requester(1), &rig.topics, 0), version);
        let asked = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group(), GroupId(id("none"))]);
        encodes(&rig.groups.consumer_describe(&asked, &rig.topics), version);
    }
}
