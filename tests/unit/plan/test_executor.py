"""What is still being written when a run has to end. In a process of its own, for the executor loads Ansible's plugins."""

from __future__ import annotations

import pathlib
import subprocess
import sys

COLLECTIONS = pathlib.Path(__file__).parents[3] / "collections"
OUTLASTED = """
import subprocess
from types import SimpleNamespace

from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()
from ansible_collections.terrace.aws.plugins.plugin_utils import executor

executor.GRACE = 0.0
with subprocess.Popen(["sleep", "60"]) as process:
    made = object.__new__(executor.Executor)
    made._running = [SimpleNamespace(pid=process.pid, nodes=[SimpleNamespace(kind="elastic_ip")])]
    made._drain()
    print(process.poll(), made.left_behind())
    process.kill()
"""


def test_what_outlasts_the_grace_goes_on_and_is_named(monkeypatch):
    """To end its process would not end its module; the lock stays for as long, so that no other run writes beside it."""
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(COLLECTIONS))
    told = subprocess.run([sys.executable, "-c", OUTLASTED], capture_output=True, text=True, check=False)
    assert told.stdout == "None ['elastic_ip']\n", told.stderr
