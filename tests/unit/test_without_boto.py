"""Plugins load where boto3 is not installed, for ansible-doc reads them there, and then say what is missing."""

from __future__ import annotations

import pathlib
import subprocess
import sys

PLUGINS = pathlib.Path(__file__).parents[2] / "plugins"
NAMES = [
    f"ansible_collections.terrace.aws.plugins.{kind}.{path.stem}"
    for kind in ("action", "callback", "connection", "filter")
    for path in sorted((PLUGINS / kind).glob("*.py"))
]
LOADED = f"""
import importlib, sys
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()
sys.modules["boto3"] = sys.modules["botocore"] = None
for name in {NAMES}:
    importlib.import_module(name)
"""
ASKED = """
from ansible.errors import AnsibleError
from ansible_collections.terrace.aws.plugins.action.plan import ActionModule
from ansible_collections.terrace.aws.plugins.plugin_utils.shared.partitions import partition

class Task:
    async_val = check_mode = False
    args = {}

for ask in (
    lambda: ActionModule(Task(), None, None, None, None, None).run(task_vars={}),
    lambda: partition("us-east-1"),
):
    try:
        ask()
    except AnsibleError as error:
        print(error)
"""


def test_every_plugin_loads_and_says_what_is_missing():
    done = subprocess.run([sys.executable, "-c", LOADED + ASKED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"the Python that runs Ansible ({sys.executable}) lacks boto3 or botocore") == 2, (
        done.stdout
    )
    assert done.stdout.count("requirements.txt of terrace.aws") == 2, done.stdout
