"""confluent-kafka's AdminClient: topics, settings, partitions, records, offsets and groups."""

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType)

from checks import fails, run, until
from confluent_common import admin, code, consumer, create, fill, numbers, producer, read, result, send, take, values


def topics_are_created_listed_described_and_deleted(brokers, topic):
    tool = admin(brokers)
    create(brokers, topic, 3, retention_ms=60_000)
    listed = tool.list_topics(timeout=20).topics[topic]
    assert sorted(listed.partitions) == [0, 1, 2] and listed.error is None
    described = result(tool.describe_topics(TopicCollection([topic])))
    assert described.name == topic and not described.is_internal
    assert [p.id for p in described.partitions] == [0, 1, 2]
    assert all(p.leader is not None and len(p.replicas) == 1 and len(p.isr) == 1 for p in described.partitions)
    result(tool.delete_topics([topic]))
    until("the topic is gone", lambda: topic not in tool.list_topics(timeout=20).topics)
    error = fails(KafkaException, lambda: result(tool.describe_topics(TopicCollection([topic]))))
    assert code(error) == "UNKNOWN_TOPIC_OR_PART", error


def wrong_topics_are_refused_by_name(brokers, topic):
    tool = admin(brokers)
    create(brokers, topic)

    def refused(call, name):
        error = fails(KafkaException, lambda: result(call()))
        assert code(error) == name, error

    refused(lambda: tool.create_topics([NewTopic(topic, 1, 1)]), "TOPIC_ALREADY_EXISTS")
    refused(lambda: tool.create_topics([NewTopic("no spaces!", 1, 1)]), "TOPIC_EXCEPTION")
    refused(lambda: tool.create_topics([NewTopic(f"{topic}-copies", 1, 3)]), "INVALID_REPLICATION_FACTOR")
    refused(lambda: tool.create_topics([NewTopic(f"{topic}-none", 0, 1)]), "INVALID_PARTITIONS")
    nonsense = NewTopic(f"{topic}-nonsense", 1, 1, config={"retention.ms": "soon"})
    refused(lambda: tool.create_topics([nonsense]), "INVALID_CONFIG")
    refused(lambda: tool.delete_topics([f"{topic}-unknown"]), "UNKNOWN_TOPIC_OR_PART")
    result(tool.create_topics([NewTopic(f"{topic}-dry", 1, 1)], validate_only=True))
    assert not {f"{topic}-dry", f"{topic}-copies", f"{topic}-nonsense"} & set(tool.list_topics(timeout=20).topics)


def settings(brokers, topic):
    return result(admin(brokers).describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))


def settings_are_described(brokers, topic):
    create(brokers, topic, retention_ms=60_000)
    found = settings(brokers, topic)
    assert found["retention.ms"].value == "60000" and not found["retention.ms"].is_default
    for name in ("max.message.bytes", "segment.bytes", "cleanup.policy", "retention.bytes", "message.timestamp.type"):
        assert found[name].value is not None and found[name].is_default, name
    unknown = fails(KafkaException, lambda: settings(brokers, f"{topic}-unknown"))
    assert code(unknown) == "UNKNOWN_TOPIC_OR_PART", unknown


def settings_are_altered_and_hold(brokers, topic):
    create(brokers, topic, retention_ms=60_000)
    tool = admin(brokers)
    operation = ConfigEntry("max.message.bytes", "5000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[operation])
    result(tool.incremental_alter_configs([resource]))
    until("the limit is there", lambda: settings(brokers, topic)["max.message.bytes"].value == "5000")
    assert settings(brokers, topic)["retention.ms"].value == "60000", "the other one stays"
    (error, _), = send(producer(brokers), topic, [b"x" * 6000])
    assert error is not None and code(error) == "MSG_SIZE_TOO_LARGE", error
    operation = ConfigEntry("max.message.bytes", None, incremental_operation=AlterConfigOpType.DELETE)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[operation])
    result(tool.incremental_alter_configs([resource]))
    until("the limit is the default", lambda: settings(brokers, topic)["max.message.bytes"].is_default)
    fill(brokers, topic, [b"x" * 6000])


def a_meaningless_setting_is_refused(brokers, topic):
    create(brokers, topic)
    for name, value in (("retention.ms", "soon"), ("no.such.setting", "1")):
        operation = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[operation])
        error = fails(KafkaException, lambda: result(admin(brokers).incremental_alter_configs([resource])))
        assert code(error) in ("INVALID_CONFIG", "INVALID_REQUEST"), error


def the_cluster_is_described(brokers, topic):
    cluster = admin(brokers).describe_cluster().result(60)
    assert cluster.cluster_id and cluster.controller is not None
    assert [f"{node.host}:{node.port}" for node in cluster.nodes] == [brokers], cluster.nodes
    node = cluster.nodes[0].id
    found = result(admin(brokers).describe_configs([ConfigResource(ResourceType.BROKER, str(node))]))
    assert int(found["message.max.bytes"].value) > 0


def partitions_are_added(brokers, topic):
    tool = admin(brokers)
    create(brokers, topic, 1)
    result(tool.create_partitions([NewPartitions(topic, 3)]))
    until("there are three", lambda: len(tool.list_topics(topic, timeout=20).topics[topic].partitions) == 3)
    fill(brokers, topic, numbers(2), partition=2)
    assert values(read(brokers, topic, 2, partition=2)) == numbers(2)
    error = fails(KafkaException, lambda: result(tool.create_partitions([NewPartitions(topic, 2)])))
    assert code(error) == "INVALID_PARTITIONS", error


def records_are_deleted(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    tool = admin(brokers)
    assert result(tool.delete_records([TopicPartition(topic, 0, 4)])).low_watermark == 4
    assert consumer(brokers).get_watermark_offsets(TopicPartition(topic, 0), timeout=20) == (4, 10)
    assert values(read(brokers, topic, 6, offset=0)) == numbers(10)[4:], "what is before the begin is reset to it"
    assert result(tool.delete_records([TopicPartition(topic, 0, -1)])).low_watermark == 10
    error = fails(KafkaException, lambda: result(tool.delete_records([TopicPartition(topic, 0, 99)])))
    assert code(error) == "OFFSET_OUT_OF_RANGE", error


def offsets_are_listed(brokers, topic):
    create(brokers, topic)
    for n in (1, 5, 3):
        fill(brokers, topic, [b"x"], timestamp=1_700_000_000_000 + n)
    place = TopicPartition(topic, 0)

    def offset(spec):
        return result(admin(brokers).list_offsets({place: spec}))

    assert offset(OffsetSpec.earliest()).offset == 0
    assert offset(OffsetSpec.latest()).offset == 3
    newest = offset(OffsetSpec.max_timestamp())
    assert (newest.offset, newest.timestamp) == (1, 1_700_000_000_005), (newest.offset, newest.timestamp)
    found = offset(OffsetSpec.for_timestamp(1_700_000_000_002))
    assert (found.offset, found.timestamp) == (1, 1_700_000_000_005), (found.offset, found.timestamp)


def groups_are_listed_described_altered_and_deleted(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    tool = admin(brokers)
    member = consumer(brokers, topic, client_id="somebody")
    member.subscribe([topic])
    take(member, 3)
    member.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    assert topic in [group.group_id for group in tool.list_consumer_groups().result(60).valid]
    group = result(tool.describe_consumer_groups([topic]))
    assert group.state.name == "STABLE" and len(group.members) == 1, group.state
    assert group.members[0].client_id == "somebody"
    assert [(p.topic, p.partition) for p in group.members[0].assignment.topic_partitions] == [(topic, 0)]
    error = fails(KafkaException, lambda: result(tool.delete_consumer_groups([topic])))
    assert code(error) == "NON_EMPTY_GROUP", error
    member.close()
    until("it is empty", lambda: result(tool.describe_consumer_groups([topic])).state.name == "EMPTY")

    def committed():
        request = [ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0)])]
        (place,) = result(tool.list_consumer_group_offsets(request)).topic_partitions
        return place.offset

    assert committed() == 3
    request = [ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0, 7)])]
    (place,) = result(tool.alter_consumer_group_offsets(request)).topic_partitions
    assert place.error is None, place.error
    assert committed() == 7
    result(tool.delete_consumer_groups([topic]))
    assert topic not in [group.group_id for group in tool.list_consumer_groups().result(60).valid]
    assert committed() < 0


if __name__ == "__main__":
    run(globals())
