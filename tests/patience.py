"""Waiting for what another process does."""

import time


def until(true, seconds=300):
    """What ``true`` gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.005)
    return found
