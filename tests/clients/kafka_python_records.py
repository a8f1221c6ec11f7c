"""kafka-python, which shares no code with librdkafka or the Java client, writes and reads."""

import threading

import kafka.errors
from kafka import KafkaProducer, TopicPartition

from checks import fails, run, until
from kafka_python_common import consumer, create, numbers, read, send, take, values


def acks_of_0_1_and_all_deliver(brokers, topic):
    create(brokers, topic)
    for acks in (0, 1, "all"):
        send(brokers, topic, numbers(20), acks=acks, enable_idempotence=False)
    assert values(read(brokers, topic, 60)) == numbers(20) * 3


def an_idempotent_producer_keeps_order_without_duplicates(brokers, topic):
    create(brokers, topic)
    acknowledged = send(brokers, topic, numbers(500), enable_idempotence=True, batch_size=100)
    assert [each.offset for each in acknowledged] == list(range(500))
    assert values(read(brokers, topic, 500)) == numbers(500)


def every_codec_is_read_back(brokers, topic):
    create(brokers, topic)
    batch = [f"{n} ".encode() * 50 for n in range(30)]
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        send(brokers, topic, batch, compression_type=codec, linger_ms=50)
    assert values(read(brokers, topic, 150, check_crcs=True)) == batch * 5
    assert values(read(brokers, topic, 1, offset=45)) == [batch[15]]


def keys_headers_timestamps_and_nulls_come_back(brokers, topic):
    create(brokers, topic)
    writer = KafkaProducer(bootstrap_servers=brokers)
    writer.send(topic, b"full", key=b"k", headers=[("a", b"1"), ("b", b"")], timestamp_ms=1_600_000_000_123).get(60)
    writer.send(topic, None, key=b"tombstone").get(60)
    full, tombstone = read(brokers, topic, 2)
    assert (full.key, full.value, full.timestamp) == (b"k", b"full", 1_600_000_000_123), full
    assert list(full.headers) == [("a", b"1"), ("b", b"")], full.headers
    assert (tombstone.key, tombstone.value) == (b"tombstone", None), tombstone


def a_message_above_the_limit_is_refused(brokers, topic):
    create(brokers, topic, max_message_bytes=10_000)
    fails(kafka.errors.MessageSizeTooLargeError, lambda: send(brokers, topic, [b"x" * 20_000]))
    send(brokers, topic, [b"x" * 9_000])


def begin_end_and_times_are_found(brokers, topic):
    create(brokers, topic)
    for n in range(5):
        send(brokers, topic, numbers(1), timestamp_ms=1_700_000_000_000 + n * 1000)
    reader, place = consumer(brokers), TopicPartition(topic, 0)
    assert reader.beginning_offsets([place]) == {place: 0}
    assert reader.end_offsets([place]) == {place: 5}
    found = reader.offsets_for_times({place: 1_700_000_002_500})[place]
    assert (found.offset, found.timestamp) == (3, 1_700_000_003_000), found
    assert reader.offsets_for_times({place: 1_700_000_004_001})[place] is None


def an_offset_out_of_range_is_reset_or_an_error(brokers, topic):
    create(brokers, topic)
    send(brokers, topic, numbers(5))
    assert values(read(brokers, topic, 5, offset=1000)) == numbers(5)
    fails(kafka.errors.OffsetOutOfRangeError, lambda: read(brokers, topic, 1, offset=1000, auto_offset_reset="none"))


def a_read_committed_consumer_reads_records_outside_transactions(brokers, topic):
    create(brokers, topic)
    send(brokers, topic, numbers(10))
    assert values(read(brokers, topic, 10, isolation_level="read_committed")) == numbers(10)


def a_group_goes_on_where_it_was(brokers, topic):
    create(brokers, topic)
    send(brokers, topic, numbers(10))
    first = consumer(brokers, topic, group_id=topic)
    assert values(take(first, 4)) == numbers(10)[:4]
    first.commit()
    first.close()
    second = consumer(brokers, topic, group_id=topic)
    assert second.committed(TopicPartition(topic, 0)) == 4
    assert values(take(second, 6)) == numbers(10)[4:]
    second.close()


def two_members_share_the_partitions(brokers, topic):
    create(brokers, topic, 4)
    members = [Member(brokers, topic) for _ in range(2)]
    until("each has two", lambda: all(len(member.has) == 2 for member in members))
    assert len(members[0].has | members[1].has) == 4
    members[1].leave()
    until("the other has all", lambda: len(members[0].has) == 4)
    members[0].leave()


class Member(threading.Thread):
    """A member that polls for 1 s at a time. If a poll ends during a join, kafka-python does not get into the group."""

    def __init__(self, brokers, topic):
        super().__init__(daemon=True)
        self.consumer = consumer(brokers, topic, group_id=topic)
        self.has, self.leaving = set(), False
        self.start()

    def run(self):
        while not self.leaving:
            self.consumer.poll(1000)
            self.has = self.consumer.assignment()
        self.consumer.close()

    def leave(self):
        self.leaving = True
        self.join(60)
        assert not self.is_alive(), "it does not leave"


def transactions_are_refused(brokers, topic):
    """The broker refuses with an error, so that the client does not wait for a timeout."""
    writer = KafkaProducer(bootstrap_servers=brokers, transactional_id=topic, max_block_ms=30_000)
    error = fails(kafka.errors.KafkaError, writer.init_transactions)
    assert not isinstance(error, kafka.errors.KafkaTimeoutError), error
    writer.close(timeout=1)


if __name__ == "__main__":
    run(globals())
