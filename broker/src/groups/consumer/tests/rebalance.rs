//! Partitions move between members as members, topics and subscriptions change.

use super::*;

#[test]
fn the_first_member_has_all_with_its_first_answer() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    rig.beat(&mut a);
    assert_eq!((a.epoch, a.partitions()), (1, vec![0, 1, 2, 3]));
    assert_eq!(state_of(&rig), "Stable");
    let small = ConsumerGroupHeartbeatRequest::default().with_group_id(group()).with_member_id(a.id.clone());
    let answer = rig.send(&small.with_member_epoch(1).with_rebalance_timeout_ms(-1));
    assert_eq!((answer.error_code, answer.assignment, answer.heartbeat_interval_ms), (0, None, 10));
}

#[test]
fn a_partition_goes_to_its_new_owner_once_the_old_one_has_given_it_up() {
    let (mut rig, mut a, mut b) = (Rig::new(), Client::new("a"), Client::new("b"));
    rig.beat(&mut a);
    rig.beat(&mut b);
    assert_eq!((b.epoch, b.partitions()), (2, vec![]), "the first still has all");
    assert_eq!(state_of(&rig), "Reconciling");
    let held = a.clone();
    rig.beat(&mut a);
    assert_eq!((a.epoch, a.partitions()), (1, vec![0, 1]), "in its old epoch until it has given the others up");
    let still_has_all = rig.send(&held.request());
    assert_eq!(still_has_all.member_epoch, 1);
    rig.beat(&mut b);
    assert!(b.partitions().is_empty());
    rig.beat(&mut a);
    rig.beat(&mut b);
    assert_eq!((a.epoch, a.partitions(), b.epoch, b.partitions()), (2, vec![0, 1], 2, vec![2, 3]));
    assert_eq!(state_of(&rig), "Stable");
}

#[test]
fn a_member_that_keeps_its_partitions_is_removed_after_its_rebalance_timeout() {
    let (mut rig, mut a, mut b) = (Rig::new(), Client::new("a"), Client::new("b"));
    rig.beat(&mut a);
    rig.beat(&mut b);
    assert_eq!(rig.send(&a.request()).error_code, 0);
    for now in [20, 40] {
        rig.now = now;
        rig.groups.tick(now);
        assert_eq!(rig.send(&a.request()).error_code, 0, "{now}");
        rig.beat(&mut b);
    }
    assert_eq!(rig.groups.next_deadline(), Some(50));
    rig.now = 50;
    rig.groups.tick(50);
    assert_eq!(rig.error(&a.request()), Some(UnknownMemberId));
    rig.beat(&mut b);
    assert_eq!(b.partitions(), [0, 1, 2, 3]);
}

#[test]
fn a_silent_member_is_removed_after_its_session_and_a_leaving_one_at_once() {
    let mut rig = Rig::new();
    let (mut a, mut b) = rig.two();
    rig.now = SESSION_MS - 1;
    rig.groups.tick(rig.now);
    rig.beat(&mut b);
    rig.now = SESSION_MS;
    rig.groups.tick(rig.now);
    rig.beat(&mut b);
    assert_eq!(b.partitions(), [0, 1, 2, 3]);
    assert_eq!(rig.error(&a.request()), Some(UnknownMemberId));
    a.epoch = 0;
    a.holds.clear();
    rig.beat(&mut a);
    assert_eq!(rig.leave(&b, -1), 0);
    rig.beat(&mut a);
    assert_eq!(a.partitions(), [0, 1, 2, 3]);
    assert_eq!(rig.leave(&a, -1), 0);
    assert_eq!((state_of(&rig), rig.groups.next_deadline()), ("Empty".to_owned(), None));
    assert_eq!(rig.leave(&a, -1), UnknownMemberId.code());
}

#[test]
fn topics_come_grow_and_go() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    let both = |client: &Client| {
        client.request().with_subscribed_topic_names(Some(vec![TopicName(id("t")), TopicName(id("new"))]))
    };
    let answer = rig.send(&both(&a));
    a.follow(&answer);
    assert_eq!((a.epoch, a.partitions().len()), (1, 4));
    rig.topics.make("unread", 1, TopicConfig::default()).unwrap();
    let answer = rig.send(&both(&a));
    assert_eq!(answer.member_epoch, 1, "what nobody reads changes nothing");
    rig.topics.make("new", 2, TopicConfig::default()).unwrap();
    rig.topics.grow("t", 5).unwrap();
    let answer = rig.send(&both(&a));
    a.follow(&answer);
    assert_eq!((a.epoch, a.partitions().len()), (2, 7));
    rig.topics.remove("new");
    for _ in 0..2 {
        let answer = rig.send(&both(&a));
        a.follow(&answer);
    }
    assert_eq!((a.epoch, a.partitions()), (3, vec![0, 1, 2, 3, 4]));
}

#[test]
fn a_regular_expression_subscribes_to_topics_that_come_later() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    rig.topics.make("cam1", 1, TopicConfig::default()).unwrap();
    let request = |client: &Client| {
        client.request().with_subscribed_topic_names(None).with_subscribed_topic_regex(Some(id("^cam.*")))
    };
    let answer = rig.send(&request(&a));
    a.follow(&answer);
    assert_eq!(a.partitions(), [0]);
    rig.topics.make("cam2", 2, TopicConfig::default()).unwrap();
    let answer = rig.send(&request(&a));
    a.follow(&answer);
    assert_eq!(a.partitions().len(), 3);
}

#[test]
fn most_members_choose_the_assignor() {
    let (mut rig, a) = (Rig::new(), Client::new("a"));
    rig.topics.make("u", 1, TopicConfig::default()).unwrap();
    let named = |request: ConsumerGroupHeartbeatRequest| {
        request.with_subscribed_topic_names(Some(vec![TopicName(id("t")), TopicName(id("u"))]))
    };
    rig.send(&named(a.request().with_server_assignor(Some(id("range")))));
    assert_eq!(described(&rig).assignor_name, *"range");
    for name in ["b", "c"] {
        rig.send(&named(Client::new(name).request().with_server_assignor(Some(id("uniform")))));
    }
    assert_eq!(described(&rig).assignor_name, *"uniform");
}
