"""imagezmq with simplejpeg, no broker: its own way of sending JPEGs, one request and one reply for each."""

import imagezmq

from jpegs import Simplejpeg
from common import Viewer, frames, run


def produce(options):
    codec = Simplejpeg()
    sender = imagezmq.ImageSender(connect_to=f"tcp://{options.address}")
    for captured_us, picture, width, height in frames():
        sender.send_jpg(str(captured_us), codec.encode(picture, width, height, options.quality))
    sender.send_jpg("", b"")


def consume(options):
    codec, viewer = Simplejpeg(), Viewer(options)
    hub = imagezmq.ImageHub(open_port=f"tcp://{options.address}")
    while True:
        captured_us, jpeg = hub.recv_jpg()
        # Answered at once: the sender need not wait for our decoding.
        hub.send_reply(b"OK")
        if not captured_us:
            break
        viewer.show(int(captured_us), lambda pixels: codec.decode(jpeg, pixels))
    viewer.report()


run(produce, consume)
