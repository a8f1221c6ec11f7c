"""kafka-python's admin client: topics, settings, partitions, records, offsets and groups."""

import kafka.errors
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic, OffsetSpec
from kafka.structs import OffsetAndMetadata

from checks import fails, run, until
from kafka_python_common import admin, consumer, create, numbers, read, send, take, values


def topics_are_created_listed_described_and_deleted(brokers, topic):
    create(brokers, topic, 3)
    (found,) = admin(brokers).describe_topics([topic])
    assert found["name"] == topic and found["error_code"] == 0, found
    assert sorted(p["partition_index"] for p in found["partitions"]) == [0, 1, 2], found
    again = [NewTopic(topic, 1, 1)]
    fails(kafka.errors.TopicAlreadyExistsError, lambda: admin(brokers).create_topics(again))
    admin(brokers).delete_topics([topic])
    until("the topic is gone", lambda: topic not in admin(brokers).list_topics())
    fails(kafka.errors.UnknownTopicOrPartitionError, lambda: admin(brokers).delete_topics([topic]))


def settings_are_described_and_altered(brokers, topic):
    create(brokers, topic, retention_ms=60_000)

    def settings():
        found = admin(brokers).describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
        return {name: entry["value"] for name, entry in found["topic"][topic].items()}

    assert settings()["retention.ms"] == "60000"
    change = {"max.message.bytes": "5000"}
    admin(brokers).alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, change)])
    until("the limit is there", lambda: settings()["max.message.bytes"] == "5000")
    assert settings()["retention.ms"] == "60000", "the other one stays"
    fails(kafka.errors.MessageSizeTooLargeError, lambda: send(brokers, topic, [b"x" * 6000]))


def the_cluster_is_described(brokers, topic):
    cluster = admin(brokers).describe_cluster()
    assert cluster["cluster_id"], cluster
    (node,) = cluster["brokers"]
    assert f"{node['host']}:{node['port']}" == brokers and node["broker_id"] == cluster["controller_id"], cluster


def partitions_are_added(brokers, topic):
    create(brokers, topic)
    admin(brokers).create_partitions({topic: NewPartitions(3)})
    until("there are three", lambda: len(admin(brokers).describe_topics([topic])[0]["partitions"]) == 3)
    (acknowledged,) = send(brokers, topic, numbers(1), partition=2)
    assert acknowledged.partition == 2


def records_are_deleted(brokers, topic):
    create(brokers, topic)
    send(brokers, topic, numbers(10))
    place = TopicPartition(topic, 0)
    assert admin(brokers).delete_records({place: 4})[place]["low_watermark"] == 4
    assert consumer(brokers).beginning_offsets([place]) == {place: 4}
    assert values(read(brokers, topic, 6)) == numbers(10)[4:]


def offsets_are_listed(brokers, topic):
    create(brokers, topic)
    for n in (1, 5, 3):
        send(brokers, topic, [b"x"], timestamp_ms=1_700_000_000_000 + n)
    place = TopicPartition(topic, 0)

    def offset(spec):
        return admin(brokers).list_partition_offsets({place: spec})[place].offset

    assert offset(OffsetSpec.EARLIEST) == 0 and offset(OffsetSpec.LATEST) == 3
    assert offset(OffsetSpec.MAX_TIMESTAMP) == 1


def groups_are_listed_described_altered_and_deleted(brokers, topic):
    create(brokers, topic)
    send(brokers, topic, numbers(10))
    tool, place = admin(brokers), TopicPartition(topic, 0)
    member = consumer(brokers, topic, group_id=topic, client_id="somebody")
    take(member, 3)
    member.commit()
    assert topic in [group["group_id"] for group in tool.list_groups()]
    group = tool.describe_groups([topic])[topic]
    assert group["group_state"] == "Stable" and group["members"][0]["client_id"] == "somebody", group
    member.close()
    until("it is empty", lambda: tool.describe_groups([topic])[topic]["group_state"] == "Empty")
    assert tool.list_group_offsets(topic)[topic][place].offset == 3
    tool.alter_group_offsets(topic, {place: OffsetAndMetadata(7, "", -1)})
    assert tool.list_group_offsets(topic)[topic][place].offset == 7
    assert tool.delete_groups([topic]) == {topic: "OK"}
    assert topic not in [group["group_id"] for group in tool.list_groups()]


if __name__ == "__main__":
    run(globals())
