"""confluent-kafka's groups: members share partitions, take over those of killed members, and resume at offsets."""

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from checks import fails, run, until
from confluent_common import code, consumer, create, fill, numbers, producer, take
from confluent_members import PARTITIONS, go_on_where_the_group_was, share_and_take_over, static_member_comes_back

# The lowest session timeout that Kafka's defaults allow.
SESSION_MS = 6000


def two_members_share_four_partitions_and_one_takes_over(brokers, topic):
    share_and_take_over(brokers, topic, session_timeout_ms=SESSION_MS, partition_assignment_strategy="range,roundrobin")


def cooperative_members_share_and_take_over(brokers, topic):
    share_and_take_over(brokers, topic, session_timeout_ms=SESSION_MS, partition_assignment_strategy="cooperative-sticky")


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
    go_on_where_the_group_was(brokers, topic)
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


def a_client_outside_an_active_group_cannot_commit(brokers, topic):
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
    a, b, _ = static_member_comes_back(brokers, topic, session_timeout_ms=30_000)
    a.close()
    b.close()


if __name__ == "__main__":
    run(globals())
