"""confluent-kafka: records are read as they were written, and invalid requests are refused with the right error."""

import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from checks import fails, run, until
from confluent_common import TAIL, code, consumer, create, fill, numbers, producer, read, send, take, values


def acks_of_0_1_and_all_deliver(brokers, topic):
    create(brokers, topic)
    for acks in ("0", "1", "all"):
        reports = send(producer(brokers, acks=acks), topic, numbers(20, acks))
        assert all(error is None for error, _ in reports), reports
    assert values(read(brokers, topic, 60)) == numbers(20, "0") + numbers(20, "1") + numbers(20, "all")


def acknowledged_offsets_are_those_that_are_read(brokers, topic):
    create(brokers, topic)
    reports = send(producer(brokers), topic, numbers(50))
    assert [message.offset() for _, message in reports] == list(range(50))
    assert [message.offset() for message in read(brokers, topic, 50)] == list(range(50))


def an_idempotent_producer_keeps_order_without_duplicates(brokers, topic):
    create(brokers, topic)
    careful = producer(brokers, enable_idempotence=True, linger_ms=0, batch_num_messages=7)
    for _ in range(3):
        assert all(error is None for error, _ in send(careful, topic, numbers(500)))
    assert values(read(brokers, topic, 1500)) == numbers(500) * 3


def every_codec_is_read_back(brokers, topic):
    create(brokers, topic)
    sent = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        batch = [f"{codec} {n} ".encode() * 50 for n in range(30)]
        sent += batch
        reports = send(producer(brokers, compression_type=codec, linger_ms=50), topic, batch)
        assert all(error is None for error, _ in reports), (codec, reports)
    got = read(brokers, topic, len(sent), check_crcs=True)
    assert values(got) == sent
    # The offset is in the middle of a compressed batch; the client skips the records before it.
    assert values(read(brokers, topic, 1, offset=45)) == [sent[45]]


def keys_headers_timestamps_and_nulls_come_back(brokers, topic):
    create(brokers, topic)
    headers = [("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None)]
    sent = producer(brokers)
    sent.produce(topic, b"full", key=b"k", headers=headers, timestamp=1_600_000_000_123)
    sent.produce(topic, None, key=b"tombstone")
    sent.produce(topic, b"", key=None)
    assert sent.flush(60) == 0
    full, tombstone, empty = read(brokers, topic, 3)
    assert (full.key(), full.value(), full.headers()) == (b"k", b"full", headers), full.headers()
    assert full.timestamp() == (1, 1_600_000_000_123), full.timestamp()
    assert (tombstone.key(), tombstone.value()) == (b"tombstone", None)
    assert (empty.key(), empty.value()) == (None, b"")


def a_topic_that_stamps_by_append_does_so(brokers, topic):
    create(brokers, topic, message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    fill(brokers, topic, [b"x"], timestamp=1_000_000)
    (message,) = read(brokers, topic, 1, check_crcs=True)
    kind, stamp = message.timestamp()
    assert kind == 2 and before <= stamp <= int(time.time() * 1000), (kind, stamp)


def a_message_above_the_limit_is_refused_and_the_next_one_is_not(brokers, topic):
    create(brokers, topic, max_message_bytes=10_000)
    writer = producer(brokers, message_max_bytes=5_000_000)
    (error, _), = send(writer, topic, [b"x" * 20_000])
    assert error is not None and code(error) == "MSG_SIZE_TOO_LARGE", error
    (error, _), = send(writer, topic, [b"x" * 9_000])
    assert error is None, error
    (error, _), = send(producer(brokers, message_max_bytes=5_000_000, enable_idempotence=True), topic, [b"x" * 20_000])
    assert error is not None and code(error) == "MSG_SIZE_TOO_LARGE", error
    assert len(read(brokers, topic, 1)) == 1


def messages_of_megabytes_go_through_where_the_topic_allows(brokers, topic):
    create(brokers, topic, max_message_bytes=8_000_000)
    big = [bytes([n]) * 3_000_000 for n in range(4)]
    writer = producer(brokers, message_max_bytes=8_000_000)
    assert all(error is None for error, _ in send(writer, topic, big))
    # A fetch returns at least one whole batch, however low the reader's limits are.
    got = read(brokers, topic, 4, max_partition_fetch_bytes=100_000, fetch_message_max_bytes=100_000)
    assert values(got) == big


def a_partition_is_assigned_at_an_offset_the_begin_the_end_or_its_tail(brokers, topic):
    create(brokers, topic, partitions=3)
    fill(brokers, topic, numbers(20), partition=1)
    assert values(read(brokers, topic, 20, OFFSET_BEGINNING, 1)) == numbers(20)
    assert values(read(brokers, topic, 5, 15, 1)) == numbers(20)[15:]
    assert values(read(brokers, topic, 3, TAIL - 3, 1)) == numbers(20)[17:]
    reader = consumer(brokers, enable_partition_eof=True)
    reader.assign([TopicPartition(topic, 1, OFFSET_END)])
    end = until("the end of the partition", lambda: reader.poll(0.5))
    assert end.error() and end.error().code() == KafkaError._PARTITION_EOF and end.offset() == 20, end.error()
    fill(brokers, topic, [b"later"], partition=1)
    assert values(take(reader, 1)) == [b"later"]
    assert reader.get_watermark_offsets(TopicPartition(topic, 1), timeout=20) == (0, 21)
    assert reader.get_watermark_offsets(TopicPartition(topic, 2), timeout=20) == (0, 0)


def keys_spread_over_partitions_and_each_keeps_its_order(brokers, topic):
    create(brokers, topic, partitions=4)
    writer = producer(brokers)
    for n in range(200):
        writer.produce(topic, str(n).encode(), key=f"key{n % 10}".encode())
    assert writer.flush(60) == 0
    reader = consumer(brokers)
    reader.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(4)])
    seen = {}
    for message in take(reader, 200):
        seen.setdefault(message.key(), []).append((message.partition(), int(message.value())))
    assert len(seen) == 10 and sum(map(len, seen.values())) == 200
    for key, messages in seen.items():
        assert len({partition for partition, _ in messages}) == 1, key
        assert [n for _, n in messages] == sorted(n for _, n in messages), key


def offsets_are_found_by_time(brokers, topic):
    create(brokers, topic)
    for n in range(10):
        fill(brokers, topic, numbers(1, f"t{n}-"), timestamp=1_700_000_000_000 + n * 1000)
    reader = consumer(brokers)

    def offset_at(ms):
        (found,) = reader.offsets_for_times([TopicPartition(topic, 0, ms)], timeout=20)
        return found.offset

    assert offset_at(1_700_000_000_000) == 0
    assert offset_at(1_700_000_003_000) == 3
    assert offset_at(1_700_000_003_001) == 4
    assert offset_at(1) == 0
    assert offset_at(1_700_000_009_001) == OFFSET_END, "none is that late"


def an_offset_out_of_range_is_reset_or_an_error(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(5))
    assert values(read(brokers, topic, 5, offset=1000, auto_offset_reset="earliest")) == numbers(5)
    strict = consumer(brokers, auto_offset_reset="error")
    strict.assign([TopicPartition(topic, 0, 1000)])
    fails(KafkaException, lambda: take(strict, 1), "_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE")
    latest = consumer(brokers, auto_offset_reset="latest", enable_partition_eof=True)
    latest.assign([TopicPartition(topic, 0, 1000)])
    end = until("the end of the partition", lambda: latest.poll(0.5))
    assert end.error().code() == KafkaError._PARTITION_EOF and end.offset() == 5, end.error()


def a_reader_seeks_pauses_and_goes_on(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(10))
    reader = consumer(brokers)
    place = TopicPartition(topic, 0, 0)
    reader.assign([place])
    assert values(take(reader, 10)) == numbers(10)
    reader.seek(TopicPartition(topic, 0, 4))
    assert values(take(reader, 6)) == numbers(10)[4:]
    reader.pause([place])
    fill(brokers, topic, [b"while paused"])
    assert reader.poll(1) is None
    reader.resume([place])
    assert values(take(reader, 1)) == [b"while paused"]


def a_read_committed_consumer_reads_records_outside_transactions(brokers, topic):
    create(brokers, topic)
    fill(brokers, topic, numbers(30))
    got = read(brokers, topic, 30, isolation_level="read_committed")
    assert values(got) == numbers(30)
    assert values(read(brokers, topic, 30, isolation_level="read_uncommitted")) == numbers(30)


def a_reader_that_waits_gets_what_is_written_later(brokers, topic):
    create(brokers, topic)
    reader = consumer(brokers, fetch_wait_max_ms=60_000, session_timeout_ms=45_000, socket_timeout_ms=70_000)
    reader.assign([TopicPartition(topic, 0, 0)])
    # The timeout is half of the fetch's wait, so the fetch must be answered because of the new record.
    assert reader.poll(1) is None
    fill(brokers, topic, [b"later"])
    message = until("the message", lambda: reader.poll(0.5), seconds=30)
    assert message.value() == b"later"


def the_topic_of_a_producer_is_created(brokers, topic):
    fill(brokers, topic, numbers(3))
    assert values(read(brokers, topic, 3)) == numbers(3)


def an_unknown_topic_is_an_error_without_automatic_creation(brokers, topic):
    """Needs a broker that does not create topics by itself."""
    (error, _), = send(producer(brokers, topic_metadata_propagation_max_ms=1000), topic, [b"x"])
    assert error is not None and code(error) in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"), error
    reader = consumer(brokers, allow_auto_create_topics=True)
    reader.subscribe([topic])
    fails(KafkaException, lambda: take(reader, 1), "UNKNOWN_TOPIC_OR_PART")
    assert topic not in reader.list_topics(timeout=20).topics
    create(brokers, topic)
    fill(brokers, topic, [b"made"])
    assert values(read(brokers, topic, 1)) == [b"made"]


def transactions_are_refused(brokers, topic):
    """The broker refuses with an error, so that the client does not wait for a timeout."""
    writer = producer(brokers, transactional_id=topic)
    error = fails(KafkaException, lambda: writer.init_transactions(30))
    assert code(error) not in ("_TIMED_OUT", "REQUEST_TIMED_OUT"), error
    fill(brokers, topic, [b"without them"])


if __name__ == "__main__":
    run(globals())
