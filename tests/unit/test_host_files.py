"""The module that writes many small files, run as Ansible runs it."""

from __future__ import annotations

import getpass
import json
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.terrace.aws.plugins.modules import host_files

MODULE = pathlib.Path(host_files.__file__)


@pytest.fixture
def run(tmp_path):
    def call(check=False, **arguments):
        arguments |= {"_ansible_check_mode": check, "_ansible_remote_tmp": str(tmp_path / "tmp")}
        script = (
            "import json, sys; from ansible.module_utils import basic;"
            "basic._ANSIBLE_ARGS = sys.stdin.buffer.read(); basic._ANSIBLE_PROFILE = 'legacy';"
            "from ansible_collections.terrace.aws.plugins.modules import host_files; host_files.main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return call


def entry(content, **more):
    return {"content": content, "owner": getpass.getuser(), "group": getpass.getuser(), **more}


def test_files_are_written_once_and_removed_twice(run, tmp_path):
    path = tmp_path / "deep" / "one.conf"
    files = {str(path): entry("x\n", mode="0600")}
    assert run(check=True, files=files)["paths"] == [str(path)]
    assert not path.exists()
    assert run(files=files)["changed"]
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("x\n", 0o600)
    assert not run(files=files)["changed"]
    path.chmod(0o644)
    assert run(files=files)["paths"] == [str(path)]
    assert run(files=files, state="absent")["changed"]
    assert not run(files=files, state="absent")["changed"]
    assert not path.exists()


def test_one_wrong_file_leaves_all_as_they_were(run, tmp_path):
    good, bad = tmp_path / "a", tmp_path / "b"
    files = {str(good): entry("fine"), str(bad): entry("{", validate=f"{sys.executable} -m json.tool %s")}
    answer = run(files=files)
    assert answer["failed"]
    assert answer["msg"].startswith(f"{bad} would be wrong, nothing was written: ")
    assert not good.exists()


def test_lines_are_changed_where_they_stand():
    text = "# comment\nUMASK\t\t022\n#FAIL no\nOTHER 1"
    assert host_files.with_lines(text, {"UMASK": "027", "FAIL": "yes", "NEW": 3}) == (
        "# comment\nUMASK 027\nFAIL yes\nOTHER 1\nNEW 3\n"
    )


def test_an_unknown_option_is_named(run, tmp_path):
    assert "there is no option contents" in run(files={str(tmp_path / "a"): {"contents": ""}})["msg"]
