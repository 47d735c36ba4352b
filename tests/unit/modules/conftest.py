"""Runs the collection's modules in this process, against the emulated API."""

from __future__ import annotations

import importlib
import json

import pytest


@pytest.fixture
def run(lab, monkeypatch, capsys):
    """``run("ec2_route_table", vpc_id=…)``: what the module returns; ``check=True`` for check mode."""
    from ansible.module_utils import basic

    def call(module, check=False, **arguments):
        given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp"}}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(given).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        capsys.readouterr()
        with pytest.raises(SystemExit):
            importlib.import_module(f"ansible_collections.terrace.aws.plugins.modules.{module}").main()
        return json.loads(capsys.readouterr().out)

    return call
