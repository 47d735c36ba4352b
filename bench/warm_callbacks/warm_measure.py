# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes what each module call costs: wall time and CPU time of the module's process, one JSON line a call.

Workers are forked from the process that loads this callback, so what it wraps here is wrapped there.
"""

from __future__ import annotations

import json
import os
import resource
import time

from ansible.plugins.callback import CallbackBase
from ansible.plugins.connection import local

from ansible_collections.terrace.aws.plugins.module_utils.warm import client

DOCUMENTATION = """
name: warm_measure
type: aggregate
short_description: notes what each module call costs
description:
  - Writes a line a call to the file named by the environment variable C(WARM_MEASURE).
"""


def note(**line: object) -> None:
    with open(os.environ["WARM_MEASURE"], "a") as out:
        out.write(json.dumps(line) + "\n")


def children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def local_call(self, cmd, in_data=None, sudoable=True, original=local.Connection.exec_command):
    if in_data and "WARM_NOTHING" in os.environ:
        return 0, b'{"changed": false}', b""
    before, start = children(), time.perf_counter()
    result = original(self, cmd, in_data=in_data, sudoable=sudoable)
    if in_data:
        note(how="local", wall=time.perf_counter() - start, cpu=children() - before)
    return result


def warm_call(conn, command, payload, *args, original=client.run):
    start = time.perf_counter()
    result = original(conn, command, payload, *args)
    note(how="warm", wall=time.perf_counter() - start, cpu=result.cpu)
    return result


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "warm_measure"

    def __init__(self) -> None:
        super().__init__()
        local.Connection.exec_command = local_call
        client.run = warm_call

    def v2_runner_item_on_ok(self, result) -> None:
        note(how="item", at=time.perf_counter())

    def v2_runner_on_ok(self, result) -> None:
        if not result._task.loop:
            note(how="item", at=time.perf_counter())

    def v2_runner_item_on_failed(self, result) -> None:
        note(how="failed", at=time.perf_counter(), result=str(result._result)[:2000])
