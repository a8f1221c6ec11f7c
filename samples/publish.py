# publish.py [BROKER [TOPIC]]: a hundred pictures, 25 a second
import io
import sys
import time

import numpy
from confluent_kafka import Producer
from PIL import Image

brokers, topic = sys.argv[1:] + ["localhost:9092", "video"][len(sys.argv) - 1 :]
producer = Producer({
    "bootstrap.servers": brokers,
    "linger.ms": 0,  # by default each message waits for 5 ms for others
    "message.timeout.ms": 2000,  # a live picture that old is worth nothing
    "message.max.bytes": 8_000_000,  # the client's own limit; the topic has one, too: max.message.bytes
})
for n in range(100):
    picture = numpy.full((360, 640, 3), (2 * n, 80, 120), numpy.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(picture).save(jpeg, "JPEG", quality=80)
    producer.produce(topic, jpeg.getvalue(), key="python")
    producer.poll(0)  # serves the client's callbacks
    time.sleep(1 / 25)
producer.flush(10)
