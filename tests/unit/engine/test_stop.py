"""A run stops when it is told to, and when nobody is there any more to hear of it."""

from __future__ import annotations

import os
import signal
import time

from ansible_collections.terrace.aws.plugins.plugin_utils.stop import Stop


def test_a_signal_asks_and_does_not_end_the_process():
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_end_of_the_parent_asks():
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # a parent that dies while its own child is at work
        if os.fork() == 0:
            with Stop() as stop:
                until = time.monotonic() + 10
                while not stop.asked and time.monotonic() < until:
                    time.sleep(0.01)
                os.write(write, b"yes" if stop.asked else b"no")
            os._exit(0)
        time.sleep(0.2)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        assert stream.read() == b"yes"
