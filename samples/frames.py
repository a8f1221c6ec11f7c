# frames.py: the newest frames of a topic. Copy it into your project.
import sys
import time
from collections import Counter

from confluent_kafka import OFFSET_END, Consumer, TopicPartition


class Frame:
    """A whole frame: its JPEG, its headers as text, and the Kafka message that completed it."""

    def __init__(self, message, headers, jpeg, stream, skipped):
        self.message, self.headers, self.jpeg, self.stream, self.skipped = message, headers, jpeg, stream, skipped
        self.source = headers.get("source") or (message.key() or b"").decode(errors="replace")

    def age_ms(self):
        """The time since the frame was due, by the wall clocks of the producer and of this machine."""
        if "vid" not in self.headers:  # somebody's plain JPEG
            return time.time() * 1000 - self.message.timestamp()[1]
        return time.time() * 1000 - (int(self.headers["due"]) + int(self.headers["wall"])) / 1000


class NewestFrames:
    def __init__(self, brokers, topic, **settings):
        self.consumer = Consumer({
            "bootstrap.servers": brokers,
            "group.id": "newest-frames",  # the client wants one, though nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",  # a topic that was deleted and made again is read on from its end
            "fetch.queue.backoff.ms": 2,  # by default fetching rests for a second whenever the client's queue was full
            "fetch.error.backoff.ms": 20,
            "max.partition.fetch.bytes": 8 << 20,
            "queued.max.messages.kbytes": 32 << 10,
            "reconnect.backoff.max.ms": 200,
            **settings,
        })
        self.parts = {}  # of each session: the number of the frame that is coming in parts, and those that are here
        self.skipped = Counter()  # of each session: the frames that were left out
        partitions = self.wait_for(topic)
        self.consumer.assign([TopicPartition(topic, p, OFFSET_END) for p in partitions])

    def wait_for(self, topic):
        while (found := self.consumer.list_topics(topic, timeout=10).topics[topic]).error:
            time.sleep(0.5)
        return list(found.partitions)

    def take(self):
        """Waits up to a second for a message, takes all others that have come, and returns the newest frame of each source."""
        newest = {}
        first = self.consumer.poll(1)
        batch = [first] if first is not None else []  # a message without a value counts as false
        while batch:
            for message in batch:
                self.put(message, newest)
            batch = self.consumer.consume(100, timeout=0)
        return list(newest.values())

    def put(self, message, newest):
        if message.error():
            print(message.error(), file=sys.stderr)
            return
        headers = {name: (value or b"").decode(errors="replace") for name, value in message.headers() or []}
        stream = headers.get("source", message.key()), headers.get("session")
        jpeg = self.whole(message, headers, stream)
        if jpeg is not None:
            self.skipped[stream] += stream in newest
            skipped = int(headers.get("skipped", 0)) + self.skipped[stream]
            newest[stream] = Frame(message, headers, jpeg, stream, skipped)

    def skip(self, frame):
        """Counts a frame as left out that was taken and could not be published again."""
        self.skipped[frame.stream] += 1

    def whole(self, message, headers, stream):
        """The frame's JPEG, if the message is the whole frame or the last part that was missing."""
        index, count = map(int, headers.get("part", "0/1").split("/"))
        if count == 1:
            return message.value() or b""
        number, parts = self.parts.get(stream, (None, {}))
        if number != headers["frame"]:
            parts = {}  # what the frame before still lacks will not come any more
        parts[index] = message.value()
        self.parts[stream] = headers["frame"], parts
        if len(parts) < count:
            return None
        del self.parts[stream]
        return b"".join(parts[index] for index in range(count))

    def close(self):
        self.consumer.close()
