# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is."""

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.rotation import next_in_turn, taking_turns, used_by_one

SECRETS = {"owner": "o", "app_a": "app", "app_b": "app"}


def test_two_take_turns():
    assert next_in_turn(SECRETS, "app", "app_a") == "app_b"
    assert next_in_turn(SECRETS, "app", "app_b") == "app_a"


@pytest.mark.parametrize(("secret", "now"), [("o", "owner"), ("app", "somebody"), ("none", "app_a")])
def test_one_alone_or_a_stranger_is_refused(secret, now):
    with pytest.raises(AnsibleFilterError, match="take turns"):
        next_in_turn(SECRETS, secret, now)


def test_a_secret_in_which_nobody_takes_turns():
    assert used_by_one(SECRETS) == ["o"]


def test_who_takes_turns():
    assert taking_turns(SECRETS) == ["app_a", "app_b"]
