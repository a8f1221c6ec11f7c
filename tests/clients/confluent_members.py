"""Members of a group in processes of their own, and the checks that both of Kafka's group protocols share."""

import json
import os
import signal
import subprocess
import sys

from confluent_kafka import TopicPartition

from checks import until
from confluent_common import consumer, create, fill, numbers, take, values

PARTITIONS = 4


class Member:
    """A member in its own process, so that it can be killed. `subscription` may be a regular expression."""

    def __init__(self, brokers, topic, subscription=None, **config):
        command = [sys.executable, "-B", __file__, brokers, topic, subscription or topic, json.dumps(config)]
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


def member(brokers, topic, subscription, config):
    """The process of a member. It prints its partitions when they change."""
    me = consumer(brokers, topic, **json.loads(config))
    me.subscribe([subscription])
    last = None
    while True:
        me.poll(0.1)
        mine = sorted(place.partition for place in me.assignment())
        if mine != last:
            print("partitions", *mine, flush=True)
            last = mine


def share_and_take_over(brokers, topic, **config):
    create(brokers, topic, PARTITIONS)
    everything = set(range(PARTITIONS))
    first = Member(brokers, topic, **config)
    try:
        until("the first has all partitions", lambda: first.partitions() == everything)
        second = Member(brokers, topic, **config)
        try:
            until("each has two", lambda: (len(first.partitions()), len(second.partitions())) == (2, 2))
            until("and together all", lambda: first.partitions() | second.partitions() == everything)
        finally:
            second.end(signal.SIGKILL)
        until("the first has all again", lambda: first.partitions() == everything)
    finally:
        first.end(signal.SIGKILL)


def go_on_where_the_group_was(brokers, topic, **config):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    first = consumer(brokers, topic, **config)
    first.subscribe([topic])
    assert values(take(first, 4)) == numbers(10)[:4]
    (place,) = first.commit(offsets=[TopicPartition(topic, 0, 4, metadata="halfway")], asynchronous=False)
    assert place.error is None and place.offset == 4, place
    first.close()
    second = consumer(brokers, topic, **config)
    (place,) = second.committed([TopicPartition(topic, 0)], timeout=20)
    assert place.offset == 4 and place.metadata == "halfway", (place.offset, place.metadata)
    second.subscribe([topic])
    assert values(take(second, 6)) == numbers(10)[4:]
    second.close()


def static_member_comes_back(brokers, topic, **config):
    """Two static members share two partitions, and one that closes gets the same partition when it is back. Returns both, and
    the function that makes a member with an instance id."""
    create(brokers, topic, 2)

    def static(name):
        each = consumer(brokers, topic, group_instance_id=name, **config)
        each.subscribe([topic])
        return each

    a, b = static("a"), static("b")

    def shared():
        for each in (a, b):
            each.poll(0.1)
        return all(len(each.assignment()) == 1 for each in (a, b))

    until("each has one", shared)
    had = [place.partition for place in b.assignment()]
    b.close()
    b = static("b")
    until("each has one again", shared)
    assert [place.partition for place in b.assignment()] == had
    return a, b, static


if __name__ == "__main__":
    member(*sys.argv[1:])
