"""Makes three projects, and a folder of their source distributions that pip can use for an index.

``plain`` is pure Python, ``quick`` says that it is compiled, and ``shop`` needs ``plain``. Building them needs nothing but
Python: python publish.py <folder>
"""

import pathlib
import sys
import tarfile

BACKEND = """
import email, os, sysconfig, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with open("PKG-INFO") as file:
        text = file.read()
    told = email.message_from_string(text)
    name, version = told["Name"], told["Version"]
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"py3-none-{platform}" if told["Keywords"] == "compiled" else "py3-none-any"
    with zipfile.ZipFile(os.path.join(folder, f"{name}-{version}-{tag}.whl"), "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\\n")
        wheel.writestr(f"{name}-{version}.dist-info/METADATA", text)
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return f"{name}-{version}-{tag}.whl"
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
PROJECTS = {
    "plain": "Version: 1.0\n",
    "quick": "Version: 1.0\nKeywords: compiled\n",
    "shop": "Version: 2.0\nRequires-Dist: plain<2\n",
}


def main(place: pathlib.Path) -> None:
    for name, text in PROJECTS.items():
        project = place / name
        project.mkdir(parents=True, exist_ok=True)
        (project / "backend.py").write_text(BACKEND)
        (project / "pyproject.toml").write_text(PYPROJECT)
        (project / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\n{text}")
        version = text.split()[1]
        (place / "index").mkdir(exist_ok=True)
        with tarfile.open(place / f"index/{name}-{version}.tar.gz", "w:gz") as archive:
            archive.add(project, f"{name}-{version}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
