# read.py [BROKER [TOPIC]]: a line for each frame that it gets to see
import io
import sys

import numpy
from PIL import Image

from frames import NewestFrames

brokers, topic = sys.argv[1:] + ["localhost:9092", "video"][len(sys.argv) - 1 :]
frames = NewestFrames(brokers, topic)
try:
    while True:
        for frame in frames.take():
            if "end" in frame.headers:  # the session's last picture once more, if any
                continue
            picture = numpy.asarray(Image.open(io.BytesIO(frame.jpeg)).convert("RGB"))
            # With OpenCV, in its order BGR: cv2.imdecode(numpy.frombuffer(frame.jpeg, numpy.uint8), cv2.IMREAD_COLOR)
            number, (height, width, _) = frame.headers.get("frame", "-"), picture.shape
            print(f"{frame.source} {number}: {width}x{height}, mean {picture.mean():.0f}, {frame.age_ms():.1f} ms", flush=True)
except KeyboardInterrupt:
    frames.close()
