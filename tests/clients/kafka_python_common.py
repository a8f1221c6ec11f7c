"""Shared by the scripts for kafka-python."""

from functools import cache

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from checks import until


@cache
def admin(brokers):
    return KafkaAdminClient(bootstrap_servers=brokers)


def create(brokers, topic, partitions=1, **config):
    config = {name.replace("_", "."): str(value) for name, value in config.items()}
    admin(brokers).create_topics([NewTopic(topic, partitions, 1, topic_configs=config)])
    until("the topic is known", lambda: topic in admin(brokers).list_topics())


def send(brokers, topic, values, partition=0, timestamp_ms=None, **config):
    """Sends the values, and returns their acknowledgements, or raises an error."""
    writer = KafkaProducer(bootstrap_servers=brokers, **config)
    futures = [writer.send(topic, value, partition=partition, timestamp_ms=timestamp_ms) for value in values]
    writer.flush(60)
    acknowledged = [future.get(60) for future in futures]
    writer.close()
    return acknowledged


def consumer(brokers, *topics, **config):
    basics = {"bootstrap_servers": brokers, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    return KafkaConsumer(*topics, **{**basics, **config})


def take(reader, count):
    records = []

    def more():
        for some in reader.poll(500, max_records=count - len(records)).values():
            records.extend(some)
        return len(records) >= count

    until(f"{count} records", more)
    return records


def values(records):
    return [record.value for record in records]


def read(brokers, topic, count, offset=0, **config):
    """Assigns partition 0 at an offset, and returns the next `count` records."""
    reader = consumer(brokers, **config)
    place = TopicPartition(topic, 0)
    reader.assign([place])
    reader.seek(place, offset)
    records = take(reader, count)
    reader.close()
    return records


def numbers(count):
    return [f"n{n}".encode() for n in range(count)]
