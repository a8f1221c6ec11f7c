"""confluent-kafka with group.protocol=consumer (KIP-848): the broker assigns, and the members share and take over."""

import os
import signal
import subprocess
import sys

from confluent_kafka import ConsumerGroupState, ConsumerGroupType, KafkaException, TopicPartition
from confluent_kafka.admin import NewPartitions

from checks import fails, run, until
from confluent_common import admin, code, consumer, create, fill, numbers, result, take, values

PARTITIONS = 4
CONSUMER = {"group_protocol": "consumer"}


def member(brokers, topic):
    """A member in a process of its own: prints its partitions whenever they change."""
    me = consumer(brokers, topic, **CONSUMER)
    me.subscribe([sys.argv[4]])
    last = None
    while True:
        me.poll(0.1)
        mine = sorted(place.partition for place in me.assignment())
        if mine != last:
            print("partitions", *mine, flush=True)
            last = mine


class Member:
    def __init__(self, brokers, topic, subscription=None):
        command = [sys.executable, "-B", __file__, brokers, topic, "member", subscription or topic]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def partitions(self):
        assert self.process.poll() is None, f"a member ended: {self.text}"
        self.text += self.process.stdout.read() or b""
        lines = [line for line in self.text.split(b"\n")[:-1] if line.startswith(b"partitions")]
        return {int(word) for word in lines[-1].split()[1:]} if lines else set()

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait()


def a_member_consumes_and_commits(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    first = consumer(brokers, topic, **CONSUMER)
    first.subscribe([topic])
    assert values(take(first, 4)) == numbers(10)[:4]
    (place,) = first.commit(offsets=[TopicPartition(topic, 0, 4, metadata="halfway")], asynchronous=False)
    assert place.error is None and place.offset == 4, place
    first.close()
    second = consumer(brokers, topic, **CONSUMER)
    second.subscribe([topic])
    assert values(take(second, 6)) == numbers(10)[4:]
    second.close()


def two_members_share_four_partitions_and_one_takes_over(brokers, topic):
    create(brokers, topic, PARTITIONS)
    everything = set(range(PARTITIONS))
    first = Member(brokers, topic)
    try:
        until("the first has all partitions", lambda: first.partitions() == everything)
        second = Member(brokers, topic)
        try:
            until("each has two", lambda: (len(first.partitions()), len(second.partitions())) == (2, 2))
            until("and together all", lambda: first.partitions() | second.partitions() == everything)
        finally:
            second.end(signal.SIGKILL)
        until("the first has all again", lambda: first.partitions() == everything)
    finally:
        first.end(signal.SIGKILL)


def a_regular_expression_finds_topics_that_come_later(brokers, topic):
    create(brokers, topic, 1)
    one = Member(brokers, topic, f"^{topic}.*")
    try:
        until("it has the first topic", lambda: one.partitions() == {0})
        create(brokers, f"{topic}-later", PARTITIONS)
        until("it has the later one too", lambda: one.partitions() == set(range(PARTITIONS)))
    finally:
        one.end(signal.SIGKILL)


def partitions_that_are_added_are_assigned(brokers, topic):
    create(brokers, topic, 1)
    one = Member(brokers, topic)
    try:
        until("it has the first partition", lambda: one.partitions() == {0})
        result(admin(brokers).create_partitions([NewPartitions(topic, 3)]))
        until("it has the new ones too", lambda: one.partitions() == {0, 1, 2})
    finally:
        one.end(signal.SIGKILL)


def a_static_member_comes_back_to_its_partitions(brokers, topic):
    create(brokers, topic, 2)

    def static(name):
        each = consumer(brokers, topic, group_instance_id=name, **CONSUMER)
        each.subscribe([topic])
        return each

    a, b = static("a"), static("b")

    def shared(*members):
        for each in members:
            each.poll(0.1)
        return all(len(each.assignment()) == 1 for each in members)

    until("each has one", lambda: shared(a, b))
    had = [place.partition for place in b.assignment()]
    b.close()
    b = static("b")
    until("each has one again", lambda: shared(a, b))
    assert [place.partition for place in b.assignment()] == had
    # Another client cannot be the same instance meanwhile, and is told so for good.
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
