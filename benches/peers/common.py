"""Shared by the peers: reads frames from standard input, shows them in a window, and reports the figures of a run."""

import argparse
import json
import math
import os
import sys
import time


def now_us():
    """Time in µs of the monotonic clock, which is the same in the producer's and the consumer's process."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def run(produce, consume):
    """Calls the function of the role on the command line, with the options."""
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
    """Yields the pictures of a 4:2:0 y4m stream: time at which the last byte was read, planes, width, height."""
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
    """Decodes frames, into a window's memory if there is one, and records the latency of each."""

    def __init__(self, options):
        self.options = options
        self.took = []
        self.screen = None
        if options.window:
            # The fastest way to the screen that we found for Python: SDL's window in shared memory.
            os.environ.update(SDL_VIDEODRIVER="x11", SDL_VIDEO_WINDOW_POS="0,0", SDL_FRAMEBUFFER_ACCELERATION="0")
            os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
            import pygame

            self.pygame = pygame
            pygame.display.init()
            size = tuple(int(side) for side in options.window.split("x"))
            self.screen = pygame.display.set_mode(size, pygame.NOFRAME, 32)

    def show(self, captured_us, decode):
        """Shows a frame. `decode` gets the window's memory as rows of BGRA pixels, or None if there is no window."""
        if self.screen is None:
            decode(None)
            self.took.append(now_us() - captured_us)
            return
        pixels = self.screen.get_buffer()
        decode(pixels)
        self.took.append(now_us() - captured_us)
        del pixels  # The buffer keeps the surface locked.
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
            latency = {"clock": "same host: exact", "total": total, "stages": {}}
            json.dump({"frames": {"shown": len(took), "lost": {}}, "latency_us": latency}, file)
