"""The warm process ends with the runs that use it."""

from __future__ import annotations

import os

from plugins.module_utils.warm import server


def test_a_run_that_ended_before_it_was_looked_at_keeps_nothing() -> None:
    """It has no start time then, and neither has a process that does not exist: they would be the same for ever."""
    runs = server.Runs()
    runs.add(os.getpid(), server.Runs.started(os.getpid()))
    runs.add(2**22 + 1, server.Runs.started(2**22 + 1))
    assert runs.alive()
    assert set(runs.seen) == {(os.getpid(), server.Runs.started(os.getpid()))}
