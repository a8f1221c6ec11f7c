"""confluent-kafka with group.protocol=consumer (KIP-848): the broker assigns, and the members share and take over."""

import signal

from confluent_kafka import ConsumerGroupState, ConsumerGroupType, KafkaException
from confluent_kafka.admin import NewPartitions

from checks import fails, run, until
from confluent_common import admin, code, consumer, create, result
from confluent_members import PARTITIONS, Member, go_on_where_the_group_was, share_and_take_over, static_member_comes_back

CONSUMER = {"group_protocol": "consumer"}


def a_member_consumes_and_commits(brokers, topic):
    go_on_where_the_group_was(brokers, topic, **CONSUMER)


def two_members_share_four_partitions_and_one_takes_over(brokers, topic):
    share_and_take_over(brokers, topic, **CONSUMER)


def a_regular_expression_finds_topics_that_come_later(brokers, topic):
    create(brokers, topic, 1)
    one = Member(brokers, topic, f"^{topic}.*", **CONSUMER)
    try:
        until("it has the first topic", lambda: one.partitions() == {0})
        create(brokers, f"{topic}-later", PARTITIONS)
        until("it has the later one too", lambda: one.partitions() == set(range(PARTITIONS)))
    finally:
        one.end(signal.SIGKILL)


def partitions_that_are_added_are_assigned(brokers, topic):
    create(brokers, topic, 1)
    one = Member(brokers, topic, **CONSUMER)
    try:
        until("it has the first partition", lambda: one.partitions() == {0})
        result(admin(brokers).create_partitions([NewPartitions(topic, 3)]))
        until("it has the new ones too", lambda: one.partitions() == {0, 1, 2})
    finally:
        one.end(signal.SIGKILL)


def a_static_member_comes_back_to_its_partitions(brokers, topic):
    a, b, static = static_member_comes_back(brokers, topic, **CONSUMER)
    # Another client cannot be the same instance meanwhile: that error is final.
    twin = static("b")
    error = fails(KafkaException, lambda: until_error(twin))
    assert code(error) in ("_FATAL", "UNRELEASED_INSTANCE_ID"), error
    for each in (twin, a, b):
        each.close()


def until_error(reader):
    def look():
        message = reader.poll(0.1)
        if message is not None and message.error():
            raise KafkaException(message.error())

    until("an error", look)


def the_group_is_listed_described_and_deleted(brokers, topic):
    create(brokers, topic, 2)
    one = consumer(brokers, topic, **CONSUMER)
    one.subscribe([topic])
    until("it has both partitions", lambda: one.poll(0.1) or len(one.assignment()) == 2)

    def listed(**more):
        return {group.group_id: group for group in admin(brokers).list_consumer_groups(**more).result().valid}

    assert listed()[topic].type == ConsumerGroupType.CONSUMER
    assert topic in listed(types={ConsumerGroupType.CONSUMER})
    assert topic not in listed(types={ConsumerGroupType.CLASSIC})

    def describe():
        return result(admin(brokers).describe_consumer_groups([topic]))

    until("it is stable", lambda: one.poll(0.1) or describe().state == ConsumerGroupState.STABLE)
    described = describe()
    assert described.type == ConsumerGroupType.CONSUMER and described.partition_assignor == "uniform", described
    (me,) = described.members
    assert sorted(place.partition for place in me.assignment.topic_partitions) == [0, 1], me
    one.close()
    until("nobody is in it", lambda: describe().state == ConsumerGroupState.EMPTY)
    result(admin(brokers).delete_consumer_groups([topic]))
    assert topic not in listed()


if __name__ == "__main__":
    run(globals())
