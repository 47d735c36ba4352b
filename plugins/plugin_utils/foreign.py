# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that are not Terrace's: which are known all the same, and which look like a misspelling of one of ours."""

from __future__ import annotations

import difflib
import fnmatch
import re
import typing as t
from collections import Counter

from . import specs, switches

#: What others put among the variables and nobody declares. Ansible's own, molecule's; those of AWX
#: (``awx/main/models/inventory.py``: ``remote_host_id`` … for every host; ``unified_jobs.py``, ``jobs.py`` and the webhooks:
#: ``awx_…`` and ``tower_…`` as extra variables), which ansible-runner and event-driven Ansible (``ansible_eda``) pass on.
MAGIC = re.compile(
    r"^(ansible_.*|hostvars|groups|group_names|inventory_.*|omit|play_hosts|playbook_dir|role_.*|module_setup|vars|"
    r"environment|undef|gather_subset|molecule_.*|(awx|tower)_.*|remote_(host|tower)_.*|discovered_interpreter_.*|_.*)$"
)
#: What jobs of Terrace hand on to later ones of a workflow (``set_stats``).
ARTIFACTS = re.compile(r"^terrace_job_.*$")
#: How much a foreign name must look like one of ours to be taken for a misspelling.
ALIKE = 0.8


def is_known(name: str, allowed: t.Iterable[str]) -> bool:
    """Whether a variable that is not Terrace's may be there.

    :param allowed: patterns of the inventory (terrace_foreign_variables)
    """
    return bool(MAGIC.match(name) or ARTIFACTS.match(name)) or any(fnmatch.fnmatchcase(name, each) for each in allowed)


def looks_like_ours(name: str, known: t.Iterable[str]) -> str:
    """What a foreign variable's name is probably meant to be; empty where it looks like none of ours."""
    known = sorted(known)
    if close := difflib.get_close_matches(name, known, n=1, cutoff=ALIKE):
        return f"did you mean {close[0]}?"
    # A switch without its first words, or several words of any variable.
    for whole in known:
        if whole.endswith(f"_{name}") and ("_" in name or whole in switches.RUN_VARIABLES):
            return f"did you mean {whole}?"
    prefixes = {"terrace_", *(f"{role}_" for role in specs.every_role()), *shared_prefixes(known)}
    if any(name.startswith(prefix) for prefix in prefixes):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        return f"its prefix is Terrace's{f'; did you mean {near[0]}?' if near else ''}"
    return ""


def shared_prefixes(known: t.Iterable[str]) -> set[str]:
    """The two words that several known variables begin with: ``three_tier_``, ``deploy_app_``."""
    starts = [re.match(r"[a-z0-9]+_[a-z0-9]+_", name) for name in known]
    return {start for start, count in Counter(each[0] for each in starts if each).items() if count > 1}
