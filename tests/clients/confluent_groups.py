"""confluent-kafka's groups: members share partitions, take over those of killed members, and resume at offsets."""

import os
import signal
import subprocess
import sys

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from checks import fails, run, until
from confluent_common import code, consumer, create, fill, numbers, producer, take, values

PARTITIONS = 4
# The lowest session timeout that Kafka's defaults allow.
SESSION_MS = 6000


def member(brokers, topic):
    """A member in its own process. It prints its partitions when they change."""
    strategy = sys.argv[4]
    me = consumer(brokers, topic, session_timeout_ms=SESSION_MS, partition_assignment_strategy=strategy)
    me.subscribe([topic])
    last = None
    while True:
        me.poll(0.1)
        mine = sorted(place.partition for place in me.assignment())
        if mine != last:
            print("partitions", *mine, flush=True)
            last = mine


class Member:
    def __init__(self, brokers, topic, strategy):
        command = [sys.executable, __file__, brokers, topic, "member", strategy]
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


def share_and_take_over(brokers, topic, strategy):
    create(brokers, topic, PARTITIONS)
    everything = set(range(PARTITIONS))
    first = Member(brokers, topic, strategy)
    try:
        until("the first has all partitions", lambda: first.partitions() == everything)
        second = Member(brokers, topic, strategy)
        try:
            until("each has two", lambda: (len(first.partitions()), len(second.partitions())) == (2, 2))
            until("and together all", lambda: first.partitions() | second.partitions() == everything)
        finally:
            second.end(signal.SIGKILL)
        until("the first has all again", lambda: first.partitions() == everything)
    finally:
        first.end(signal.SIGKILL)


def two_members_share_four_partitions_and_one_takes_over(brokers, topic):
    share_and_take_over(brokers, topic, "range,roundrobin")


def cooperative_members_share_and_take_over(brokers, topic):
    share_and_take_over(brokers, topic, "cooperative-sticky")


def each_message_goes_to_one_member(brokers, topic):
    create(brokers, topic, PARTITIONS)
    members = [consumer(brokers, topic, session_timeout_ms=SESSION_MS) for _ in range(2)]
    for each in members:
        each.subscribe([topic])

    def shared():
        for each in members:
            each.poll(0.1)
        return all(len(each.assignment()) == 2 for each in members)

    until("both have partitions", shared)
    writer = producer(brokers)
    for n in range(100):
        writer.produce(topic, str(n).encode(), partition=n % PARTITIONS)
    assert writer.flush(60) == 0
    seen = [[], []]

    def all_seen():
        for each, messages in zip(members, seen):
            message = each.poll(0.05)
            if message is not None:
                assert not message.error(), message.error()
                messages.append(int(message.value()))
        return sum(map(len, seen)) >= 100

    until("all messages", all_seen)
    assert sorted(seen[0] + seen[1]) == list(range(100)) and len(seen[0]) == 50, seen
    # A member that leaves returns its partitions at once, before its session times out.
    members[1].close()
    until("the other has all", lambda: members[0].poll(0.1) or len(members[0].assignment()) == PARTITIONS)
    members[0].close()


def a_group_goes_on_where_it_was(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    first = consumer(brokers, topic)
    first.subscribe([topic])
    assert values(take(first, 4)) == numbers(10)[:4]
    (place,) = first.commit(offsets=[TopicPartition(topic, 0, 4, metadata="halfway")], asynchronous=False)
    assert place.error is None and place.offset == 4, place
    first.close()
    second = consumer(brokers, topic)
    (place,) = second.committed([TopicPartition(topic, 0)], timeout=20)
    assert place.offset == 4 and place.metadata == "halfway", (place.offset, place.metadata)
    second.subscribe([topic])
    assert values(take(second, 6)) == numbers(10)[4:]
    second.close()
    # Another group has its own offsets.
    other = consumer(brokers, f"{topic}-other")
    (place,) = other.committed([TopicPartition(topic, 0)], timeout=20)
    assert place.offset == OFFSET_INVALID, place
    other.close()


def offsets_are_committed_by_themselves(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    first = consumer(brokers, topic, enable_auto_commit=True, auto_commit_interval_ms=200)
    first.subscribe([topic])
    take(first, 10)
    watcher = consumer(brokers, topic)

    def committed():
        first.poll(0.1)
        return watcher.committed([TopicPartition(topic, 0)], timeout=20)[0].offset == 10

    until("all ten are committed", committed)
    first.close()


def a_member_without_a_group_s_blessing_cannot_commit(brokers, topic):
    """A client outside an active group gets an error for its commit."""
    create(brokers, topic)
    fill(brokers, topic, numbers(2))
    late = consumer(brokers, topic, session_timeout_ms=SESSION_MS, heartbeat_interval_ms=1000)
    late.subscribe([topic])
    take(late, 1)
    late.unsubscribe()
    current = consumer(brokers, topic, session_timeout_ms=SESSION_MS)
    current.subscribe([topic])
    take(current, 2)
    # An active group accepts no commits of clients that are not members.
    stranger = consumer(brokers, topic)
    error = fails(KafkaException, lambda: stranger.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False))
    assert code(error) in ("UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"), error
    current.close()


def a_static_member_comes_back_to_its_partitions(brokers, topic):
    create(brokers, topic, 2)

    def static(name):
        each = consumer(brokers, topic, group_instance_id=name, session_timeout_ms=30_000)
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
    a.close()
    b.close()


if __name__ == "__main__":
    run(globals())
