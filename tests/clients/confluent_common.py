"""Shared by the scripts for confluent-kafka."""

from functools import cache

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from checks import until

# librdkafka's RD_KAFKA_OFFSET_TAIL_BASE, for which confluent-kafka has no name.
TAIL = -2000


@cache
def admin(brokers):
    """The script's only admin client. It must live until its results are there, as they are lost with it."""
    return AdminClient({"bootstrap.servers": brokers})


def result(futures):
    """The result of a call about one object."""
    (future,) = futures.values()
    return future.result(60)


def create(brokers, topic, partitions=1, **config):
    config = {name.replace("_", "."): str(value) for name, value in config.items()}
    result(admin(brokers).create_topics([NewTopic(topic, partitions, 1, config=config)]))
    until("the topic is known", lambda: topic in admin(brokers).list_topics(timeout=20).topics)


def producer(brokers, **config):
    config = {name.replace("_", "."): value for name, value in config.items()}
    return Producer({"bootstrap.servers": brokers, **config})


def consumer(brokers, group="nobody", **config):
    config = {name.replace("_", "."): value for name, value in config.items()}
    basics = {"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    return Consumer({**basics, **config})


def send(producer, topic, values, **more):
    """Sends the values, and returns their delivery reports as (error or None, message)."""
    reports = []
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, message: reports.append((error, message)), **more)
        producer.poll(0)
    left = producer.flush(60)
    assert left == 0, f"{left} messages without an answer"
    assert len(reports) == len(values), f"{len(reports)} reports for {len(values)} messages"
    return reports


def fill(brokers, topic, values, **more):
    """Sends the values, none of which may fail."""
    failed = [error for error, _ in send(producer(brokers), topic, values, **more) if error]
    assert not failed, failed


def take(consumer, count):
    """Returns the next `count` messages, or raises their error."""
    messages = []

    def more():
        for message in consumer.consume(count - len(messages), timeout=0.5):
            if message.error():
                raise KafkaException(message.error())
            messages.append(message)
        return len(messages) >= count

    until(f"{count} messages", more)
    return messages


def values(messages):
    return [message.value() for message in messages]


def read(brokers, topic, count, offset=0, partition=0, **config):
    """Assigns one partition at an offset, and returns the next `count` messages."""
    reader = consumer(brokers, **config)
    reader.assign([TopicPartition(topic, partition, offset)])
    messages = take(reader, count)
    reader.close()
    return messages


def numbers(count, prefix="n"):
    return [f"{prefix}{n}".encode() for n in range(count)]


def code(error):
    """Name of the KafkaError in an exception or a delivery report."""
    error = error.args[0] if isinstance(error, Exception) else error
    assert isinstance(error, KafkaError), error
    return error.name()
