"""The module that keeps how a host was left."""

from __future__ import annotations

import os

import pytest

from ansible_collections.terrace.aws.plugins.modules import host_manifest

SHOWN = """\
Id=nginx.service
ActiveState=active
NeedDaemonReload=no

Id=fail2ban.service
ActiveState=failed
NeedDaemonReload=no

Id=ssh.service
ActiveState=active
NeedDaemonReload=yes
"""


def answers(command):
    if command[1] == "list-unit-files":
        return "".join(
            f"{name} enabled enabled\n"
            for name in ("nginx.service", "fail2ban.service", "getty@.service", "ssh.service")
        )
    if command[1] == "show":
        assert command[3:] == ["fail2ban.service", "nginx.service", "ssh.service"]
        return SHOWN
    assert command[0] == "dpkg-query"
    return "nginx:amd64 1.26.3-3 ii \nvim:amd64 2:9.1 rc \n"


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "etc" / "ssh").mkdir(parents=True)
    (tmp_path / "etc" / "ssh" / "sshd_config").write_text("PermitRootLogin no\n")
    (tmp_path / "etc" / "shadow-").write_text("x\n")
    (tmp_path / "etc" / "link").symlink_to("ssh/sshd_config")
    return tmp_path / "etc"


def left(tree, paths=None):
    paths = paths or host_manifest.walk([str(tree)], [f"{tree}/shadow*"])
    return host_manifest.seen(answers, {"units": ["enabled"], "packages": True, "users": False}, paths)


def test_what_is_as_it_was_differs_in_nothing(tree):
    kept = left(tree)
    assert sorted(os.path.relpath(path, tree) for path in kept["file"]) == [".", "link", "ssh", "ssh/sshd_config"]
    (tree / "added").write_text("later\n")
    assert host_manifest.differences(kept, left(tree, kept["file"])) == []


@pytest.mark.parametrize(
    ("what", "named"),
    [
        (lambda tree: (tree / "ssh" / "sshd_config").write_text("PermitRootLogin yes\n"), "file {}/ssh/sshd_config"),
        (lambda tree: (tree / "ssh" / "sshd_config").chmod(0o600), "file {}/ssh/sshd_config"),
        (lambda tree: (tree / "ssh").chmod(0o777), "file {}/ssh"),
        (lambda tree: (tree / "ssh" / "sshd_config").unlink(), "file {}/ssh/sshd_config"),
        (lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("elsewhere")), "file {}/link"),
    ],
)
def test_what_became_of_a_file_is_seen(tree, what, named):
    kept = left(tree)
    what(tree)
    assert host_manifest.differences(kept, left(tree, kept["file"])) == [named.format(tree)]


def test_only_units_that_ran_are_missed():
    units = host_manifest.unit_states(answers, ["enabled"])
    assert units == {"nginx.service": "active", "ssh.service": "active, to be reloaded"}
    stopped = {name: value for name, value in units.items() if name != "nginx.service"}
    assert host_manifest.differences({"unit": units}, {"unit": stopped}) == ["unit nginx.service"]


def test_another_version_of_a_package_is_seen():
    kept = host_manifest.package_versions(answers)
    assert kept == {"nginx:amd64": "1.26.3-3 ii ", "vim:amd64": "2:9.1 rc "}
    assert host_manifest.differences({"package": kept}, {"package": {**kept, "nginx:amd64": "1.26.3-4 ii "}}) == [
        "package nginx:amd64"
    ]


def test_a_password_that_is_given_is_seen(tmp_path):
    shadow = tmp_path / "shadow"
    shadow.write_text("root:*:1::::::\n")
    before = host_manifest.sign_ins(str(shadow))
    shadow.write_text("root:$y$hash:1::::::\n")
    after = host_manifest.sign_ins(str(shadow))
    assert "user root" in host_manifest.differences({"user": before}, {"user": after})
    assert "$y$hash" not in str(after)
