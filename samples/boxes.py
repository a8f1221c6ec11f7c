# boxes.py [BROKER [FROM [TO]]]: frames of one topic with a box around what moves, to another topic
import io
import sys

from confluent_kafka import KafkaException, Producer
from PIL import Image, ImageChops, ImageDraw

from frames import NewestFrames


def detect(picture, before):
    """Where it is not as the picture before: left, top, right, bottom; None if it is."""
    if picture.size == before.size:
        return ImageChops.difference(picture, before).convert("L").point(lambda p: 255 * (p > 30)).getbbox()


def republish(frame, jpeg):
    changed = ("size", "part", "bytes", "skipped")
    headers = [(name, value) for name, value in frame.message.headers() or [] if name not in changed]
    headers.append(("skipped", str(frame.skipped)))
    try:
        producer.produce(to, jpeg, key=frame.message.key(), headers=headers, timestamp=frame.message.timestamp()[1])
    except (BufferError, KafkaException) as error:  # the client's queue is full, or the message is too large
        print(error, file=sys.stderr)
        frames.skip(frame)
    producer.poll(0)


brokers, topic, to = sys.argv[1:] + ["localhost:9092", "video", "boxes"][len(sys.argv) - 1 :]
frames = NewestFrames(brokers, topic)
producer = Producer({
    "bootstrap.servers": brokers,
    "linger.ms": 0,
    "message.timeout.ms": 2000,
    "message.max.bytes": 8_000_000,  # a frame that came in parts is published in one message
})
before = {}
try:
    while True:
        for frame in frames.take():
            jpeg = io.BytesIO()
            if frame.jpeg:  # an end may come without a picture
                picture = Image.open(io.BytesIO(frame.jpeg)).convert("RGB")
                box = detect(picture, before.get(frame.source, picture))
                before[frame.source] = picture.copy()
                if box:
                    ImageDraw.Draw(picture).rectangle(box, outline="red", width=3)
                picture.save(jpeg, "JPEG", quality=80)
            republish(frame, jpeg.getvalue())
except KeyboardInterrupt:
    producer.flush(10)
    frames.close()
