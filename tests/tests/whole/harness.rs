//! Tests of the harness itself: a killed broker comes back on the same port, and a real Kafka with its data.

use testkit::BrokerKind;
use testkit::kafka::{RawRecord, only, own_kafka};

#[test]
fn a_killed_real_kafka_comes_back_with_its_data() {
    only(BrokerKind::Real, "the embedded broker keeps nothing");
    let kafka = own_kafka();
    let topic = kafka.topic("harness");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "2000000")]);
    kafka.publish(&topic, [RawRecord { key: Some(b"k".into()), value: b"before".into(), ..RawRecord::default() }]);
    let port = kafka.bootstrap();
    kafka.kill();
    kafka.restart();
    assert_eq!(kafka.bootstrap(), port);
    assert_eq!(kafka.topic_config(&topic, "max.message.bytes").as_deref(), Some("2000000"));
    kafka.publish(
        &topic,
        [RawRecord { headers: vec![("h".into(), b"1".into())], value: b"after".into(), ..RawRecord::default() }],
    );
    let records = kafka.records(&topic);
    assert_eq!(records.iter().map(|r| r.value.as_slice()).collect::<Vec<_>>(), [b"before".as_slice(), b"after"]);
    assert_eq!(records[1].header("h").as_deref(), Some("1"));
    kafka.delete_topic(&topic);
    assert!(!kafka.topics().contains(&topic));
}

#[test]
fn a_killed_embedded_broker_comes_back_empty() {
    only(BrokerKind::Embedded, "a real Kafka keeps its data");
    let kafka = own_kafka();
    let topic = kafka.topic("harness");
    let record = |value: &[u8]| RawRecord { value: value.into(), ..RawRecord::default() };
    kafka.create_topic(&topic, 1, &[]);
    kafka.publish(&topic, [record(b"before")]);
    let port = kafka.bootstrap();
    kafka.kill();
    kafka.restart();
    assert_eq!(kafka.bootstrap(), port);
    assert!(kafka.topics().is_empty(), "{:?}", kafka.topics());
    kafka.create_topic(&topic, 1, &[]);
    kafka.publish(&topic, [record(b"after")]);
    assert_eq!(kafka.records(&topic).iter().map(|r| r.value.as_slice()).collect::<Vec<_>>(), [b"after"]);
}
