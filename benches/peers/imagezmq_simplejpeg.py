"""imagezmq with simplejpeg, without a broker. imagezmq sends each JPEG as a request and waits for a reply."""

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
        # Replies before decoding, so that the sender need not wait for it.
        hub.send_reply(b"OK")
        if not captured_us:
            break
        viewer.show(int(captured_us), lambda pixels: codec.decode(jpeg, pixels))
    viewer.report()


run(produce, consume)
