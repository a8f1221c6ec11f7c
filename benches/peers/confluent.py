"""confluent-kafka with a script's settings and codec. A header holds the timestamp; an empty value ends the stream."""

from confluent_kafka import Consumer, Producer, TopicPartition

from common import Viewer, frames


def produce(options, settings, codec):
    producer = Producer({"bootstrap.servers": options.address, **settings})
    for captured_us, picture, width, height in frames():
        jpeg = codec.encode(picture, width, height, options.quality)
        producer.produce(options.topic, jpeg, headers={"captured": str(captured_us)}, partition=0)
        producer.poll(0)
    producer.produce(options.topic, b"", partition=0)
    producer.flush(30)


def consume(options, settings, codec):
    viewer = Viewer(options)
    group = {"group.id": options.topic, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": options.address, **group, **settings})
    consumer.assign([TopicPartition(options.topic, 0, 0)])
    while True:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise SystemExit(str(message.error()))
        if not message.value():
            break
        captured_us = int(dict(message.headers())["captured"])
        viewer.show(captured_us, lambda pixels: codec.decode(message.value(), pixels))
    viewer.report()
    consumer.close()
