# edges.py: JPEGs from standard input, their edges to standard output
import io
import signal
import sys

from PIL import Image, ImageFilter

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C and a reader that has gone end it without a traceback
signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def jpegs(stream):
    """The JPEGs of a stream, each as soon as its last byte is there. None of vidprod's holds a thumbnail, which would have an end
    of its own."""
    data = b""
    while chunk := stream.read1(1 << 20):
        data += chunk
        while (end := data.find(b"\xff\xd9") + 2) > 1:
            yield data[:end]
            data = data[end:]


for jpeg in jpegs(sys.stdin.buffer):
    edges = Image.open(io.BytesIO(jpeg)).convert("L").filter(ImageFilter.FIND_EDGES)
    edges.save(sys.stdout.buffer, "JPEG", quality=80)
    sys.stdout.buffer.flush()
