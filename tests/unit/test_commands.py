"""make's targets for operators: what they run, and that nothing that is given to them is read by make or a shell."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DEVELOPMENT = "inventories/three_tier/development"
ID = "i-0123456789abcdef0"
#: For each target that runs playbooks: what else it wants, and the playbooks in their order.
TARGETS = {
    "plan": ([], ["site"]),
    "apply": ([], ["site"]),
    "drift": ([], ["check_drift"]),
    "destroy": ([], ["destroy_cell"]),
    "configure": ([], ["release_configuration", "configure_hosts", "configure_database"]),
    "deploy": ([], ["release_app", "deploy_app"]),
    "rollback": ([], ["rollback_app"]),
    "patch": ([], ["patch_hosts"]),
    "rotate": ([], ["rotate_credentials", "rotate_database_passwords", "rotate_cache_token"]),
    "isolate": ([f"INSTANCE={ID}"], ["isolate_instance"]),
}

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


class Clone:
    """A clone that is set up, in which ``ansible-playbook`` only notes how it was called."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        for name in ("Makefile", "commands.py"):
            shutil.copy(ROOT / name, folder)
        (folder / DEVELOPMENT).mkdir(parents=True)
        for name in (f"{DEVELOPMENT}/hosts.yml", f"{DEVELOPMENT}.aws_ec2.yml"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "lab/sample_app").mkdir(parents=True)
        shutil.copy(ROOT / "lab/sample_app/pyproject.toml", folder / "lab/sample_app")
        note = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]), file=open(sys.argv[0] + '.calls', 'a'))"
        (folder / ".venv/bin").mkdir(parents=True)
        self.script("setup.sh", "#!/bin/sh")
        self.script(".venv/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"')
        self.script(".venv/bin/ansible-playbook", f"#!{sys.executable}\n{note}")

    def script(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text + "\n")
        (self.folder / name).chmod(0o755)

    def make(self, *words: str, **environment: str) -> tuple[int, str, list[tuple[list[str], dict[str, str]]]]:
        """The status, what was said, and the calls of ``ansible-playbook``: words and environment."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MAKE", "LAB"))}
        done = subprocess.run(
            ["make", "--no-print-directory", *words], cwd=self.folder, env=kept | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
        )  # fmt: skip
        log = self.folder / ".venv/bin/ansible-playbook.calls"
        calls = [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        return done.returncode, done.stdout, calls


@pytest.fixture
def clone(tmp_path: pathlib.Path) -> Clone:
    return Clone(tmp_path)


def playbooks(calls: list[tuple[list[str], dict[str, str]]]) -> list[str]:
    return [
        word.removeprefix("playbooks/").removesuffix(".yml")
        for words, _ in calls
        for word in words
        if "playbooks/" in word
    ]


def inventories(words: list[str]) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == "-i"]


def extra(words: list[str]) -> dict[str, str]:
    return json.loads(words[words.index("-e") + 1])


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_says_what_it_does_and_does_it_twice(clone: Clone, target: str) -> None:
    given, wanted = TARGETS[target]
    for _time in range(2):
        status, said, calls = clone.make(target, *given)
        assert status == 0, said
        assert re.search(rf"^{target}: \w+\b", said, re.MULTILINE)
        assert playbooks(calls) == wanted
        assert all((ROOT / f"playbooks/{name}.yml").exists() for name in wanted)


def test_every_target_is_in_the_help(clone: Clone) -> None:
    _status, said, _calls = clone.make("help")
    assert set(TARGETS) | {"shell"} <= {line.split()[0] for line in said.splitlines()}


@pytest.mark.parametrize("name", ["INVENTORY", "LAB", "ARGS", "APP", "VERSION", "INSTANCE", "LAB_PORT"])
@pytest.mark.parametrize("target", ["deploy", "isolate", "plan"])
@pytest.mark.parametrize("given", ["on the command line", "in the environment"])
def test_nothing_is_read_by_make_or_a_shell(clone: Clone, target: str, name: str, given: str) -> None:
    value = "1.0;touch reached $(touch reached) `touch reached` $(shell touch reached) & touch reached"
    if given == "in the environment":
        clone.make(target, **{name: value})
    else:
        clone.make(target, f"{name}={value}")
    assert not (clone.folder / "reached").exists()


@pytest.mark.parametrize(
    ("target", "name"), [("lab", "LAB"), ("demo", "LAB"), ("shell", "INSTANCE"), ("bench", "MITOGEN")]
)
def test_nor_by_the_other_targets(clone: Clone, target: str, name: str) -> None:
    clone.script(".venv/bin/python", "#!/bin/sh")
    clone.make(target, f"{name}=x;touch reached $(shell touch reached)")
    assert not (clone.folder / "reached").exists()


def test_values_arrive_as_they_are(clone: Clone) -> None:
    status, said, calls = clone.make("deploy", "VERSION=1.10", "ARGS=-e 'note=a $HOME b;c' --limit a,b")
    assert status == 0, said
    for words, _environment in calls:
        assert "note=a $HOME b;c" in words
        assert words[words.index("--limit") + 1] == "a,b"
    (release, _), (deploy, _) = calls
    release, deploy = (json.loads(words[-1]) for words in (release, deploy))
    assert release == {"app_release_source": str(clone.folder / "lab/sample_app"), "app_release_version": "1.10"}
    assert deploy == {"app_release_version": "1.10"}


def test_a_slash_after_the_inventory_is_tolerated(clone: Clone) -> None:
    _status, said, [(words, _)] = clone.make("patch", f"INVENTORY={DEVELOPMENT}//")
    assert inventories(words) == [DEVELOPMENT, "inventories/lab", f"{DEVELOPMENT}.aws_ec2.yml"], said


def test_the_lab_is_left_for_aws(clone: Clone) -> None:
    _status, _said, [(words, environment)] = clone.make("patch", "LAB=none", AWS_ACCESS_KEY_ID="AKIA0")
    assert inventories(words) == [DEVELOPMENT, f"{DEVELOPMENT}.aws_ec2.yml"]
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIA0"
    assert "AWS_ENDPOINT_URL" not in environment
    _status, _said, [(words, environment)] = clone.make("patch", LAB_PORT="5601", AWS_ACCESS_KEY_ID="AKIA0")
    assert "inventories/lab" in words
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5601"
    assert environment["AWS_ACCESS_KEY_ID"] == "lab"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["plan", "INVENTORY=inventories/three_tier/develpment"], "plan: INVENTORY: there is no"),
        (["plan", "LAB=aws"], "LAB: 'aws' must be one of api, machines, none"),
        (["plan", "ARGS=-e 'a"], "ARGS: No closing quotation"),
        (["deploy", "VERSION=1.0;cmd"], "VERSION: '1.0;cmd' must be letters, digits"),
        (["deploy", "APP=nowhere", "VERSION=1"], "APP: there is no 'nowhere'"),
        (["deploy", "APP=httpbin>=0.10", "VERSION=1"], "published project with its exact version (APP=httpbin==0.10.4)"),
        (["deploy", "APP=httpbin==0.10.*", "VERSION=1"], "APP: there is no 'httpbin==0.10.*'"),
        (["deploy", "APP=torch==2.9.0+cpu"], "VERSION: '2.9.0+cpu' must be letters, digits"),
        (["deploy", "APP=inventories"], "VERSION: say which"),
        (["isolate"], "INSTANCE: not set; name one machine"),
        (["isolate", "INSTANCE=all"], "INSTANCE: 'all'; name one machine"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_the_first_line_and_nothing_is_run(
    clone: Clone, words: list[str], wanted: str
) -> None:
    status, said, calls = clone.make(*words)
    assert status != 0
    assert wanted in said.splitlines()[0]
    assert calls == []


def test_a_machine_is_isolated_by_its_name_as_well(clone: Clone) -> None:
    _status, said, [(words, _)] = clone.make("isolate", f"INSTANCE=development-use1-app-{ID}")
    assert extra(words) == {"isolate_instance": ID}
    assert said.startswith(f"isolate: take {ID} out")
    # The machine may be dead: it is isolated through AWS alone.
    assert inventories(words) == [DEVELOPMENT, "inventories/lab"]


def test_the_version_is_the_projects_own_unless_given(clone: Clone) -> None:
    _status, _said, calls = clone.make("deploy")
    assert {json.loads(words[-1])["app_release_version"] for words, _ in calls} == {"1.0.0"}


@pytest.mark.parametrize("app", ["httpbin==0.10.4", " httpbin[mainapp] == 0.10.4 "])
def test_a_published_project_is_released_by_name_and_version(clone: Clone, app: str) -> None:
    status, said, calls = clone.make("deploy", f"APP={app}")
    assert status == 0, said
    release, deploy = (json.loads(words[-1]) for words, _ in calls)
    assert release == {"app_release_source": app.strip(), "app_release_version": "0.10.4"}
    assert deploy == {"app_release_version": "0.10.4"}
    _status, _said, calls = clone.make("deploy", f"APP={app}", "VERSION=2026-11")
    assert {json.loads(words[-1])["app_release_version"] for words, _ in calls} == {"2026-11"}


def test_a_folder_comes_before_a_published_project_of_its_name(clone: Clone) -> None:
    (clone.folder / "httpbin==0.10.4").mkdir()
    _status, _said, calls = clone.make("deploy", "APP=httpbin==0.10.4", "VERSION=1.0")
    assert json.loads(calls[0][0][-1])["app_release_source"] == str(clone.folder / "httpbin==0.10.4")


def test_a_step_that_fails_ends_the_target(clone: Clone) -> None:
    with (clone.folder / ".venv/bin/ansible-playbook").open("a") as file:
        file.write("sys.exit(2)\n")
    status, _said, calls = clone.make("deploy")
    assert status != 0
    assert playbooks(calls) == ["release_app"]
