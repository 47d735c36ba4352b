# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS accepts of an entry's name in ``<cell>-<entry>``; the cell's part is checked with the cell."""

from __future__ import annotations

import re
import typing as t

HYPHENATED = (r"[a-z0-9](-?[a-z0-9])*", "lower-case letters, digits and single hyphens between them")
#: Kind -> pattern of the entry's name, and the same for people. Names that AWS keeps in lower case are wanted in it.
RULES = {
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    "db_instance": HYPHENATED,
    "db_parameter_group": HYPHENATED,
    "db_subnet_group": (r"[a-z0-9 ._-]+", "lower-case letters, digits, spaces and . _ -"),
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    "replication_group": HYPHENATED,
    "cache_parameter_group": HYPHENATED,
    "cache_subnet_group": (r"[a-z0-9-]+", "lower-case letters, digits and hyphens"),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; dots break TLS to the bucket.
    "bucket": (r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "lower-case letters, digits and hyphens between them"),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    "load_balancer": (r"([a-zA-Z0-9-]*[a-zA-Z0-9])", "letters, digits and hyphens, no hyphen last"),
    "target_group": (r"([a-zA-Z0-9-]*[a-zA-Z0-9])", "letters, digits and hyphens, no hyphen last"),
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
    "kms_key": (r"[a-zA-Z0-9/_-]+", "letters, digits and / _ -"),
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    "secret": (r"[\w/+=.@-]+", "letters, digits and / _ + = . @ -"),
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    "iam_role": (r"[\w+=,.@-]+", "letters, digits and _ + = , . @ -"),
}


def problems(kind: str, name: str) -> t.Iterator[str]:
    """What is wrong with an entry's name."""
    pattern, words = RULES[kind]
    if not re.fullmatch(pattern, name, re.ASCII):
        yield f"{name} is not a name AWS allows; allowed are {words}"
