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
        (lambda tree: (tree / "ssh" / "sshd_config").write_text("x\n"), "file {}/ssh/sshd_config: content"),
        (lambda tree: (tree / "ssh" / "sshd_config").chmod(0o600), "file {}/ssh/sshd_config: mode 600, was 644"),
        (lambda tree: (tree / "ssh").chmod(0o777), "file {}/ssh: mode 777, was 755"),
        (lambda tree: (tree / "ssh" / "sshd_config").unlink(), "file {}/ssh/sshd_config: is gone"),
        (
            lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("elsewhere")),
            "file {}/link: -> elsewhere, was -> ssh/sshd_config",
        ),
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
    assert host_manifest.differences({"unit": units}, {"unit": stopped}) == ["unit nginx.service: does not run"]


def test_another_version_of_a_package_is_seen():
    kept = host_manifest.package_versions(answers)
    assert kept == {"nginx:amd64": "1.26.3-3 ii ", "vim:amd64": "2:9.1 rc "}
    assert host_manifest.differences({"package": kept}, {"package": {**kept, "nginx:amd64": "1.26.3-4 ii "}}) == [
        "package nginx:amd64: 1.26.3-4 ii, was 1.26.3-3 ii"
    ]


def test_a_password_that_is_given_is_seen(tmp_path):
    shadow = tmp_path / "shadow"
    shadow.write_text("root:*:1::::::\n")
    before = host_manifest.sign_ins(str(shadow))
    shadow.write_text("root:$y$hash:1::::::\n")
    after = host_manifest.sign_ins(str(shadow))
    assert "user root: password" in host_manifest.differences({"user": before}, {"user": after})
    assert "$y$hash" not in str(after)


PACKAGED = "sudoers.d/from-a-package"
RULES = "table inet terrace_host {\n}\n"


def places(command):
    """A host whose packages brought one file, with two tables of the packet filter."""
    if command[:2] == ["dpkg-query", "--search"]:
        return f"sudo: {command[2]}\n" if command[2].endswith(PACKAGED) else ""
    if command == ["nft", "list", "tables"]:
        return "table inet terrace_host\ntable ip evil\ntable inet f2b-table\n"
    assert command == ["nft", "--stateless", "list", "table", "inet", "terrace_host"]
    return RULES


@pytest.fixture
def kept(tmp_path):
    """A manifest of a host with places of its own."""
    for name in ("sudoers.d/ours", "systemd/system/app.service"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n")
    asked = {
        "units": [],
        "packages": False,
        "users": True,
        "owned": [f"{tmp_path}/sudoers.d", f"{tmp_path}/systemd", f"{tmp_path}/ld.so.preload"],
        "ignore": ["*/ignored"],
        "tables": ["inet terrace_host"],
        "ignore_tables": ["* f2b-*"],
    }
    found = host_manifest.seen(places, asked, host_manifest.walk(asked["owned"], asked["ignore"]))
    return {"asked": asked, "seen": found, "tables": ["inet terrace_host", "ip evil"]}


def names(added):
    return [(each["kind"], each["name"]) for each in added]


def test_nothing_was_added_to_what_is_as_it_was_left(kept):
    assert host_manifest.additions(places, kept, set()) == []


def test_a_file_is_found_where_nothing_else_belongs(kept, tmp_path):
    (tmp_path / "sudoers.d/evil").write_text("x\n")
    (tmp_path / "sudoers.d/evil").chmod(0o440)
    (tmp_path / "sudoers.d/ignored").write_text("x\n")
    (tmp_path / PACKAGED).write_text("x\n")
    (tmp_path / "ld.so.preload").write_text("x\n")
    (tmp_path / "elsewhere").write_text("x\n")
    found = host_manifest.additions(places, kept, set())
    assert names(found) == [("file", f"{tmp_path}/sudoers.d/evil"), ("file", f"{tmp_path}/ld.so.preload")]
    assert found[0]["what"] == f"mode 440, owner {os.getuid()}:{os.getgid()}"


def test_what_an_application_brought_is_none_and_a_unit_that_is_enabled_is_what_it_leads_to(kept, tmp_path):
    wants = tmp_path / "systemd/system/multi-user.target.wants"
    wants.mkdir()
    for name in ("app", "second", "evil"):
        unit = tmp_path / f"systemd/system/{name}.service"
        unit.write_text("x\n")
        (wants / f"{name}.service").symlink_to(unit)
    found = host_manifest.additions(places, kept, {f"{tmp_path}/systemd/system/second.service"})
    assert names(found) == [
        ("file", f"{tmp_path}/systemd/system/evil.service"),
        ("file", f"{wants}/evil.service"),
    ]


def test_an_account_and_a_table_that_were_added_are_found(kept):
    someone = sorted(kept["seen"]["user"])[0]
    state = kept["seen"]["user"].pop(someone)
    kept["tables"].remove("ip evil")
    found = host_manifest.additions(places, kept, set())
    assert names(found) == [("user", someone), ("table", "ip evil")]
    assert found[0]["what"].startswith("number ")
    assert state.split(" ")[-1] not in found[0]["what"], "what stands in the password's place is for nobody"


def test_rules_that_are_loaded_instead_are_seen(kept, monkeypatch):
    monkeypatch.setattr(f"{__name__}.RULES", "table inet terrace_host {\n chain input { accept }\n}\n")
    now = host_manifest.seen(places, kept["asked"], kept["seen"]["file"])
    assert host_manifest.differences(kept["seen"], now) == ["table inet terrace_host: other rules are loaded"]


def test_a_manifest_of_before_tells_of_nothing_that_was_added(kept):
    for name in ("owned", "ignore", "tables", "ignore_tables"):
        del kept["asked"][name]
    kept["seen"]["user"].clear()
    assert host_manifest.additions(places, kept, set()) == []


UNIT = "/etc/systemd/system/notes.service"
SERVES = "active in /opt/notes/deployments/1.{}.0"


def application(version):
    """The manifest of an application that was deployed."""
    return {
        "asked": {"owned": [], "units": ["notes.service"]},
        "seen": {"file": {UNIT: f"644 0:0 {version}"}, "unit": {"notes.service": SERVES.format(version)}},
    }


def configured(version):
    """The manifest of a machine that was configured while an application ran on it."""
    seen = {
        "file": {UNIT: f"644 0:0 {version}", "/etc/hosts": "644 0:0 0"},
        "unit": {"notes.service": SERVES.format(version), "ssh.service": "active"},
    }
    return {"asked": {"owned": ["/etc/systemd"], "units": ["enabled"]}, "seen": seen}


def test_a_deployment_is_nothing_that_was_done_by_hand():
    now = configured(2)["seen"]
    wanted = host_manifest.expected(configured(1), [application(2)])
    assert host_manifest.differences(wanted, now) == []
    now["unit"]["notes.service"] = SERVES.format(3)
    assert host_manifest.differences(wanted, now) == [
        "unit notes.service: active in /opt/notes/deployments/1.3.0, was active in /opt/notes/deployments/1.2.0"
    ]


def test_an_application_does_not_take_its_units_from_who_keeps_the_machine():
    assert host_manifest.expected(application(1), [configured(2)]) == application(1)["seen"]


def test_what_goes_with_an_application_is_left_to_it():
    found = configured(1)["seen"]
    host_manifest.leave_to([application(1)], found)
    assert found == {"file": {"/etc/hosts": "644 0:0 0"}, "unit": {"ssh.service": "active"}}
