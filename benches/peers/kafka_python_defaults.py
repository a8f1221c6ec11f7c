"""kafka-python with its default settings, with OpenCV."""

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from jpegs import OpenCv
from common import Viewer, frames, run


def produce(options):
    codec = OpenCv()
    producer = KafkaProducer(bootstrap_servers=options.address)
    for captured_us, picture, width, height in frames():
        jpeg = codec.encode(picture, width, height, options.quality)
        producer.send(options.topic, jpeg, headers=[("captured", str(captured_us).encode())], partition=0)
    producer.send(options.topic, b"", partition=0)
    producer.flush()


def consume(options):
    codec, viewer = OpenCv(), Viewer(options)
    consumer = KafkaConsumer(bootstrap_servers=options.address)
    place = TopicPartition(options.topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    for message in consumer:
        if not message.value:
            break
        captured_us = int(dict(message.headers)["captured"])
        viewer.show(captured_us, lambda pixels: codec.decode(message.value, pixels))
    viewer.report()
    consumer.close()


run(produce, consume)
