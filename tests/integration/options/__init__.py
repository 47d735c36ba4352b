"""Every option of every kind on the emulated API; the collection is importable by its name from here on."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]
