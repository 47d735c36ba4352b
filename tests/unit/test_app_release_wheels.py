"""The module that collects an application's wheels: with pip as it is, and a folder for an index."""

from __future__ import annotations

import io
import json
import pathlib
import subprocess
import sys
import tarfile

import pytest

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
OWN = f"cp{PYTHON.replace('.', '')}"
PURE = "py3-none-any"
MANYLINUX = "manylinux_2_28_x86_64"
#: How a project builds itself, with nothing but Python: a source distribution that pip can build without an index.
BACKEND = """
import os, zipfile

FILES = {files!r}

def build_wheel(folder, config_settings=None, metadata_directory=None, stage="built"):
    {code}
    name = "{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for file, text in FILES.items():
            wheel.writestr(file, text)
    return name

def prepare_metadata_for_build_wheel(folder, config_settings=None, stage="prepared"):
    {code}
    name = "{name}-{version}.dist-info"
    os.mkdir(os.path.join(folder, name))
    with open(os.path.join(folder, name, "METADATA"), "w") as file:
        file.write(FILES[name + "/METADATA"])
    return name
"""


def contents(name: str, version: str, needs: tuple[str, ...], tag: str) -> dict[str, str]:
    """The files of a wheel."""
    info = f"{name}-{version}.dist-info"
    requires = "".join(f"Requires-Dist: {each}\n" for each in needs)
    return {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }


class Index:
    """A folder that pip takes for the index, and the module run on it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.links, self.dest = folder, folder / "links", folder / "wheels"
        self.links.mkdir()

    def source(self, name: str, version: str, *needs: str, tag: str = PURE, code: str = "pass") -> None:
        """Publish a project as a source distribution; ``code``: what its build runs first, with ``stage``."""
        files = contents(name, version, needs, tag)
        texts = {
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            "backend.py": BACKEND.format(**locals()),
            "PKG-INFO": files[f"{name}-{version}.dist-info/METADATA"],
        }
        with tarfile.open(self.links / f"{name}-{version}.tar.gz", "w:gz") as archive:
            for file, text in texts.items():
                entry = tarfile.TarInfo(f"{name}-{version}/{file}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))

    def wheel(self, name: str, version: str, *needs: str, tag: str = PURE) -> pathlib.Path:
        """Publish a project as a wheel."""
        backend = BACKEND.format(
            name=name, version=version, tag=tag, code="pass", files=contents(name, version, needs, tag)
        )
        subprocess.run([sys.executable, "-c", f"{backend}\nbuild_wheel({str(self.links)!r})"], check=True)
        return self.links / f"{name}-{version}-{tag}.whl"

    def collect(self, *requirements: str, environment: dict[str, str] | None = None, **parameters: object) -> dict:
        """What the module returns."""
        arguments = {
            "requirements": requirements, "dest": str(self.dest), "python": PYTHON, "platforms": [MANYLINUX],
            "executable": sys.executable, "_ansible_remote_tmp": str(self.folder / "tmp"), **parameters,
        }  # fmt: skip
        script = (
            "import json, sys; from ansible.module_utils import basic;"
            "basic._ANSIBLE_ARGS = sys.stdin.buffer.read(); basic._ANSIBLE_PROFILE = 'legacy';"
            "from ansible_collections.terrace.aws.plugins.modules import app_release_wheels; app_release_wheels.main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={
                "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", "HOME": str(self.folder),
                "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.links), **(environment or {}),
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def wheels(self) -> list[str]:
        return sorted(path.name for path in self.dest.iterdir()) if self.dest.exists() else []


@pytest.fixture
def index(tmp_path: pathlib.Path) -> Index:
    return Index(tmp_path)


def test_wheels_are_taken_where_there_are_some_and_nothing_is_built(index: Index):
    index.wheel("shop", "1.0", "fast>=1")
    index.wheel("fast", "1.0", tag=f"{OWN}-{OWN}-{MANYLINUX}")
    # Newer, but without a wheel.
    index.source("fast", "1.1", code="raise SystemExit('built')")
    assert index.collect("shop==1.0")["built"] == []
    assert index.wheels() == [f"fast-1.0-{OWN}-{OWN}-{MANYLINUX}.whl", "shop-1.0-py3-none-any.whl"]


def test_what_has_no_wheel_is_built_in_the_version_that_everything_else_allows(index: Index):
    index.wheel("shop", "1.0", "plain>=1", "fast>=1", "other")
    index.wheel("fast", "1.0", tag=f"{OWN}-{OWN}-{MANYLINUX}")
    index.source("fast", "1.1", code="raise SystemExit('built')")
    index.source("other", "2.0", "plain<2", "deep")
    index.source("deep", "0.1")
    for version in ("0.9", "1.0", "1.5", "2.0"):
        index.source("plain", version)
    told = index.collect("shop==1.0")
    assert told["built"] == [f"{name}-py3-none-any.whl" for name in ("deep-0.1", "other-2.0", "plain-1.5")], told
    assert index.wheels() == sorted(
        [*told["built"], f"fast-1.0-{OWN}-{OWN}-{MANYLINUX}.whl", "shop-1.0-py3-none-any.whl"]
    )


def test_constraints_hold_for_what_is_built_and_beside_it(index: Index):
    for version in ("1.0", "1.5"):
        index.source("plain", version)
        index.wheel("ready", version)
    limits = index.folder / "limits.txt"
    limits.write_text("plain==1.0\nready==1.0\n")
    assert index.collect("plain", "ready", constraints=str(limits))["built"] == ["plain-1.0-py3-none-any.whl"]
    assert index.wheels() == ["plain-1.0-py3-none-any.whl", "ready-1.0-py3-none-any.whl"]


def test_a_project_of_ones_own_needs_what_has_no_wheel(index: Index):
    own = index.wheel("shop", "1.0", "plain").rename(index.folder / "shop-1.0-py3-none-any.whl")
    index.source("plain", "1.0")
    assert index.collect(str(own))["built"] == ["plain-1.0-py3-none-any.whl"]
    assert index.wheels() == ["plain-1.0-py3-none-any.whl", "shop-1.0-py3-none-any.whl"]


def test_what_is_compiled_here_is_refused_unless_the_machines_take_it(index: Index):
    tag = f"{OWN}-{OWN}-linux_x86_64"
    index.wheel("shop", "1.0", "quick", "swift", "plain")
    index.source("quick", "1.0", tag=tag)
    index.source("swift", "2.0", tag=tag)
    index.source("plain", "1.0")
    told = index.collect("shop==1.0")
    assert told["failed"]
    for name in ("quick-1.0", "swift-2.0"):
        assert f"{name.replace('-', ' ')} has no wheel for Python {PYTHON} on {MANYLINUX}" in told["msg"]
        assert f"the one that is built here, {name}-{tag}.whl" in told["msg"]
    assert "with linux_x86_64 in app_release_platforms, or use another version (app_release_constraints)" in told["msg"]
    assert "plain" not in told["msg"]
    assert index.wheels() == []
    told = index.collect("shop==1.0", platforms=[MANYLINUX, "linux_x86_64"])
    assert told["built"] == ["plain-1.0-py3-none-any.whl", f"quick-1.0-{tag}.whl", f"swift-2.0-{tag}.whl"]


@pytest.mark.parametrize("tag", ["cp310-cp310-linux_x86_64", "cp310-none-any"])
def test_what_is_built_for_another_python_or_platform_is_refused(index: Index, tag: str):
    index.source("quick", "1.0", tag=tag)
    told = index.collect("quick==1.0", platforms=[MANYLINUX, "linux_x86_64"])
    assert f"quick-1.0-{tag}.whl, may not run there" in told["msg"]


def test_a_project_of_ones_own_that_is_compiled_is_refused_too(index: Index):
    own = index.wheel("shop", "1.0", tag=f"{OWN}-{OWN}-linux_x86_64")
    told = index.collect(str(own))
    assert f"shop 1.0 has no wheel for Python {PYTHON}" in told["msg"]
    assert index.collect(str(own), platforms=[MANYLINUX, "linux_x86_64"])["built"] == []


def test_what_has_a_wheel_here_and_none_for_the_machines_is_built(index: Index):
    index.wheel("plain", "1.0", tag=f"{OWN}-{OWN}-linux_x86_64")
    index.source("plain", "1.0")
    assert index.collect("plain==1.0")["built"] == ["plain-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("when", ["prepared", "built"])
def test_a_build_that_fails_is_named_with_its_reason(index: Index, when: str):
    index.wheel("shop", "1.0", "broken")
    index.source("broken", "1.0", code=f"if stage == {when!r}: raise RuntimeError('there is no compiler')")
    told = index.collect("shop==1.0")
    assert told["msg"].startswith("The bundle cannot be built, nothing was released: ")
    assert "broken-1.0.tar.gz" in told["msg"]
    assert "RuntimeError: there is no compiler" in told["msg"]


def test_requirements_that_conflict_are_named(index: Index):
    index.wheel("shop", "1.0", "plain<2", "other")
    index.wheel("other", "1.0", "plain>=2")
    index.source("plain", "1.0")
    index.source("plain", "2.0")
    told = index.collect("shop==1.0")
    assert "shop 1.0 depends on plain<2; other 1.0 depends on plain>=2" in told["msg"]
    assert "nowhere==1.0" in index.collect("nowhere==1.0")["msg"]


def test_an_index_that_does_not_answer_is_said(index: Index):
    environment = {
        "PIP_NO_INDEX": "0",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_FIND_LINKS": "",
    }
    told = index.collect("shop==1.0", environment=environment)
    assert "connection broken by" in told["msg"]
    assert "shop==1.0" in told["msg"]


def test_code_that_is_built_is_not_given_the_cells_credentials(index: Index):
    index.source("plain", "1.0", code="assert not os.environ.get('AWS_PROFILE'), 'it has the profile'")
    assert index.collect("plain==1.0", environment={"AWS_PROFILE": "cell"})["built"] == ["plain-1.0-py3-none-any.whl"]


def test_a_requirement_by_address_is_refused(index: Index):
    index.source("plain", "1.0")
    index.wheel("shop", "1.0", f"plain @ file://{index.links}/plain-1.0.tar.gz")
    assert "plain-1.0.tar.gz; a bundle holds what an index has" in index.collect("shop==1.0")["msg"]
