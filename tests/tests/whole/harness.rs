//! The harness itself: a Kafka that was killed is there again with its data, on the same port.

use whole::kafka::{Record, own_kafka};

#[test]
fn a_killed_kafka_comes_back_with_its_data() {
    let Some(kafka) = own_kafka() else { return };
    let topic = kafka.topic("harness");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "2000000")]);
    kafka.publish(&topic, [Record { key: Some(b"k".into()), value: b"before".into(), ..Record::default() }]);
    let port = kafka.bootstrap();
    kafka.kill();
    kafka.restart();
    assert_eq!(kafka.bootstrap(), port);
    assert_eq!(kafka.topic_config(&topic, "max.message.bytes").as_deref(), Some("2000000"));
    kafka.publish(
        &topic,
        [Record { headers: vec![("h".into(), b"1".into())], value: b"after".into(), ..Record::default() }],
    );
    let records = kafka.records(&topic);
    assert_eq!(records.iter().map(|r| r.value.as_slice()).collect::<Vec<_>>(), [b"before".as_slice(), b"after"]);
    assert_eq!(records[1].header("h").as_deref(), Some("1"));
    kafka.delete_topic(&topic);
    assert!(!kafka.topics().contains(&topic));
}
