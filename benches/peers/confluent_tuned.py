"""confluent-kafka at its best settings, with simplejpeg."""

import confluent
from jpegs import Simplejpeg
from common import run

SOCKETS = {"socket.nagle.disable": True, "socket.send.buffer.bytes": 4 << 20, "socket.receive.buffer.bytes": 4 << 20}
PRODUCER = {"linger.ms": 0, "acks": "all", "enable.idempotence": True, "compression.type": "none", **SOCKETS}
CONSUMER = {"fetch.min.bytes": 1, "fetch.wait.max.ms": 500, "fetch.queue.backoff.ms": 2, "check.crcs": False, **SOCKETS}

run(
    lambda options: confluent.produce(options, PRODUCER, Simplejpeg()),
    lambda options: confluent.consume(options, CONSUMER, Simplejpeg()),
)
