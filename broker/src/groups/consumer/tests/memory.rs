//! Memory that members use is counted and bounded.

use super::*;

#[test]
fn the_memory_of_members_is_counted_and_bounded() {
    let mut rig = Rig::with(GroupLimits { memory_bytes: 20_000, ..limits() });
    for nth in 0..4 {
        let mut client = Client::new(&nth.to_string());
        rig.beat(&mut client);
    }
    assert_eq!(rig.error(&Client::new("4").request()), Some(GroupMaxSizeReached));
    let used = rig.groups.memory_used();
    assert!(used > 1000, "{used}");
    rig.topics.make("large", 5000, TopicConfig::default()).unwrap();
    let large = Client::new("0").request().with_subscribed_topic_names(Some(vec![TopicName(id("large"))]));
    assert_eq!(rig.error(&large), Some(CoordinatorNotAvailable));
    rig.groups.tick(1_000_000);
    assert_eq!(rig.groups.memory_used(), 0);
}

/// A string that is a part of a large request.
fn part(request: &Bytes, text: &str) -> StrBytes {
    let at = request.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    StrBytes::from_utf8(request.slice(at..at + text.len())).unwrap()
}

#[test]
fn a_member_keeps_nothing_of_its_requests() {
    let mut rig = Rig::new();
    let memory = Memory::new(1 << 20);
    let large = [b"member instance rack topic name.*".as_slice(), &[0; 100_000]].concat();
    for epoch in [0, 1, 1, 0, 1] {
        let bytes = memory.hold(large.len()).keep(large.clone());
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group())
            .with_member_id(part(&bytes, "member"))
            .with_member_epoch(epoch)
            .with_instance_id(Some(part(&bytes, "instance")))
            .with_rack_id(Some(part(&bytes, "rack")))
            .with_rebalance_timeout_ms(REBALANCE)
            .with_subscribed_topic_names(Some(vec![TopicName(part(&bytes, "topic"))]))
            .with_subscribed_topic_regex(Some(part(&bytes, "name.*")))
            .with_topic_partitions(Some(Vec::new()));
        drop(bytes);
        assert_eq!(rig.error(&request), None, "{epoch}");
        drop(request);
        assert_eq!(memory.used(), 0, "{epoch}");
    }
}

#[test]
fn all_data_of_a_member_are_counted() {
    let mut rig = Rig::with(GroupLimits { metadata_bytes: 10_000, ..limits() });
    rig.beat(&mut Client::of_instance("a", "one"));
    let before = rig.groups.memory_used();
    let a = Client { epoch: 1, ..Client::of_instance("a", "one") };
    let later = a.request().with_topic_partitions(None).with_rack_id(Some(id(&"r".repeat(900))));
    assert_eq!(rig.error(&later), None);
    assert_eq!(rig.groups.memory_used(), before + 900);
    assert_eq!(rig.leave(&a, -2), 0);
    rig.beat(&mut Client::of_instance(&"b".repeat(801), "one"));
    assert_eq!(rig.groups.memory_used(), before + 900 + 800);
    let regex = Client { epoch: 1, ..Client::of_instance(&"b".repeat(801), "one") }.request();
    assert_eq!(rig.error(&regex.with_topic_partitions(None).with_subscribed_topic_regex(Some(id("name.*")))), None);
    assert_eq!(rig.groups.memory_used(), before + 900 + 800 + 6);
}

#[test]
fn members_stay_in_their_group_while_the_memory_is_full() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    rig.beat(&mut a);
    let full = rig.groups.memory.hold(limits().memory_bytes);
    for step in 1..5 {
        rig.now = step * (SESSION_MS - 1);
        rig.groups.tick(rig.now);
        // A heartbeat that adds nothing is answered, and one that adds something is refused; both extend the session.
        match step % 2 {
            0 => rig.beat(&mut a),
            _ => assert_eq!(rig.error(&a.request().with_rack_id(Some(id("rack")))), Some(CoordinatorNotAvailable)),
        }
    }
    assert_eq!(rig.error(&Client::new("b").request()), Some(CoordinatorNotAvailable));
    drop(full);
    rig.beat(&mut a);
    rig.beat(&mut Client::new("b"));
    assert_eq!(described(&rig).members.len(), 2);
}

#[test]
fn groups_without_members_make_room_for_a_member_and_its_assignment() {
    let mut rig = Rig::with(GroupLimits { groups: 1000, ..limits() });
    let many = fill_with_empty_groups(&mut rig.groups);
    rig.beat(&mut Client::new("a"));
    assert!(rig.groups.len() < many + 1, "{many}");
    rig.topics.make("large", 3000, TopicConfig::default()).unwrap();
    fill_with_empty_groups(&mut rig.groups);
    let large = Client::new("a").request().with_subscribed_topic_names(Some(vec![TopicName(id("large"))]));
    assert_eq!(rig.error(&large), None);
    assert_eq!(described(&rig).members[0].assignment.topic_partitions[0].partitions.len(), 3000);
}
