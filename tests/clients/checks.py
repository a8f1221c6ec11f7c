"""Runs one check of a script: `SCRIPT BROKERS TOPIC CHECK`. CHECK names a function, which fails by assertion."""

import sys
import time


def run(script):
    brokers, topic, check = sys.argv[1:4]
    print(f"{check}: {script[check].__doc__ or check.replace('_', ' ')}", flush=True)
    script[check](brokers, topic)
    print("holds")


def until(what, attempt, seconds=60):
    """Calls `attempt` until it returns something, and returns that; the timeout is a guard against hanging."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = attempt()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError(f"waited in vain: {what}")


def fails(error, action, *names):
    """Checks that `action` raises an error of this class whose text contains one of `names`, and returns the error."""
    try:
        got = action()
    except error as e:
        assert not names or any(name in repr(e) for name in names), f"{e!r} is none of {names}"
        return e
    raise AssertionError(f"{names or error} was expected, but it gave {got!r}")
