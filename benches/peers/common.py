"""What the peers share: frames from standard input, a window, and the figures of a run."""

import argparse
import json
import math
import os
import sys
import time


def now_us():
    """The monotonic clock, which producer and consumer share."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def run(produce, consume):
    """Calls one of them with the options of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["produce", "consume"])
    parser.add_argument("--address", required=True, help="HOST:PORT of the broker, or of a consumer without one")
    parser.add_argument("--topic", default="")
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("--window", help="WIDTHxHEIGHT; without it nothing is shown")
    parser.add_argument("--skip", type=int, default=0, help="how many frames at the begin are in no figure")
    parser.add_argument("--report", help="where the consumer writes its figures as JSON")
    options = parser.parse_args()
    {"produce": produce, "consume": consume}[options.role](options)


MARK = b"FRAME\n"


def frames():
    """The pictures of a y4m stream in 4:2:0: when the last byte was there, the planes, width and height."""
    pipe = sys.stdin.buffer.raw
    header = bytearray()
    while not header.endswith(b"\n"):
        header += pipe.read(1)
    words = header.split()
    width, height = (int(next(word[1:] for word in words[1:] if word[:1] == key)) for key in (b"W", b"H"))
    frame = bytearray(len(MARK) + width * height * 3 // 2)
    while True:
        view = memoryview(frame)
        while view:
            count = pipe.readinto(view)
            if not count:
                return
            view = view[count:]
        captured_us = now_us()
        assert frame.startswith(MARK), "a frame with parameters"
        yield captured_us, memoryview(frame)[len(MARK) :], width, height


class Viewer:
    """Decodes into a window's own memory and shows it, or decodes only; keeps how long each frame took."""

    def __init__(self, options):
        self.options = options
        self.took = []
        self.screen = None
        if options.window:
            # The fastest way to a screen that was found in Python: SDL's window in shared memory.
            os.environ.update(SDL_VIDEODRIVER="x11", SDL_VIDEO_WINDOW_POS="0,0", SDL_FRAMEBUFFER_ACCELERATION="0")
            os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
            import pygame

            self.pygame = pygame
            pygame.display.init()
            size = tuple(int(side) for side in options.window.split("x"))
            self.screen = pygame.display.set_mode(size, pygame.NOFRAME, 32)

    def show(self, captured_us, decode):
        """`decode` gets the window's memory as rows of BGRA pixels, or None without a window."""
        if self.screen is None:
            decode(None)
            self.took.append(now_us() - captured_us)
            return
        pixels = self.screen.get_buffer()
        decode(pixels)
        self.took.append(now_us() - captured_us)
        del pixels  # it holds the lock
        self.pygame.display.flip()
        self.pygame.event.pump()

    def report(self):
        took = sorted(self.took[self.options.skip :])
        if not self.options.report or not took:
            return

        def at(q):
            return took[math.ceil(q * len(took)) - 1]

        total = dict(count=len(took), min=took[0], mean=sum(took) / len(took), max=took[-1])
        total.update(p50=at(0.5), p90=at(0.9), p99=at(0.99), p999=at(0.999))
        with open(self.options.report, "w") as file:
            json.dump({"frames": {"shown": len(took)}, "latency_us": {"total": total}}, file)
