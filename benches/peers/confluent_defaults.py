"""confluent-kafka with its default settings, with OpenCV."""

import confluent
from jpegs import OpenCv
from common import run

run(
    lambda options: confluent.produce(options, {}, OpenCv()),
    lambda options: confluent.consume(options, {}, OpenCv()),
)
