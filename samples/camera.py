# camera.py [BROKER [TOPIC]]: a hundred pictures, 25 a second, with the headers that vidprod writes
import io
import secrets
import sys
import time

import numpy
from confluent_kafka import Producer
from PIL import Image


def now_us():
    return time.monotonic_ns() // 1000


def publish(frame, jpeg, due, captured, encoded, **more):
    wall = time.time_ns() // 1000 - now_us()
    headers = {
        "vid": 1, "type": "image/jpeg", "source": "mine", "session": session, "frame": frame, "pts": due - began,
        "due": due, "captured": captured, "encoded": encoded, "published": now_us(), "boot": boot, "wall": wall,
        "dropped": dropped, **more,
    }
    headers = [(name, str(value)) for name, value in headers.items()]
    producer.produce(topic, jpeg, key="mine", headers=headers, timestamp=(captured + wall) // 1000)
    producer.poll(0)


brokers, topic = sys.argv[1:] + ["localhost:9092", "video"][len(sys.argv) - 1 :]
producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0, "message.timeout.ms": 2000})
boot = open("/proc/sys/kernel/random/boot_id").read().strip().replace("-", "")  # Linux's
session = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(4)}"
began, dropped = now_us(), 0
for frame in range(100):
    due = began + frame * 40_000
    time.sleep(max(0, due - now_us()) / 1e6)
    captured = now_us()
    picture = Image.fromarray(numpy.full((360, 640, 3), (2 * frame, 80, 120), numpy.uint8))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    jpeg, encoded = file.getvalue(), now_us()
    try:
        publish(frame, jpeg, due, captured, encoded, size="640x360", part="0/1", bytes=len(jpeg))
    except BufferError:  # the client's queue is full
        dropped += 1
counts = f"captured={frame + 1} acknowledged={frame + 1 - dropped} superseded={dropped} late=0 refused=0"
publish(frame, jpeg, due, captured, encoded, end=counts)
producer.flush(10)
