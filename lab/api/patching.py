"""How a patch of the emulator is written down and applied.

A patch is a function that changes moto when called once, decorated with what moto does, what AWS does and where AWS
says so. ``tests/unit/lab`` holds a probe for each: it passes on the patched server and must fail on plain moto,
so that a patch is dropped once moto does what AWS does.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

MOTO_VERSION = "5.2.5"


@dataclass(frozen=True)
class Patch:
    """One patch: ``<service>.<name>``, what moto and AWS do, the AWS document and the function that applies it.

    ``speed`` marks those that change how long an answer takes and nothing else.
    """

    name: str
    moto: str
    aws: str
    document: str
    apply: Callable[[], None]
    speed: bool = False


REGISTRY: dict[str, Patch] = {}


def patch(
    *, moto: str, aws: str, document: str, speed: bool = False
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register the decorated function as a patch named after its module and itself."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
        if name in REGISTRY:
            raise ValueError(f"two patches are named {name}")
        REGISTRY[name] = Patch(name, moto, aws, document, function, speed)
        return function

    return register


def discover() -> dict[str, Patch]:
    """Import every module of ``lab.api.patches`` and return the patches by name, in the order they are written."""
    package = importlib.import_module("lab.api.patches")
    for module in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"lab.api.patches.{module}")
    return REGISTRY


def apply_all(only_speed: bool = False) -> list[str]:
    """Apply every patch, or those about speed; return the names of the others applied."""
    patches = [item for item in discover().values() if item.speed or not only_speed]
    for item in patches:
        item.apply()
    return [item.name for item in patches if not only_speed]


def table() -> str:
    """Return all patches as the Markdown table of docs/lab.md."""
    rows = ["| patch | moto | AWS |", "|---|---|---|"]
    for item in discover().values():
        cells = (f"`{item.name}`", item.moto, f"{item.aws} ([document]({item.document}))")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)
