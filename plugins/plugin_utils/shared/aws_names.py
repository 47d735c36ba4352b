# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is accepted of an entry's name in ``<cell>-<entry>``; the cell's part is checked with the cell.

AWS decides that where it keeps the name as a name, and where it keeps it in the tag Name, that tag. Terrace itself has uses for
some characters: a second resource of a name is shown as ``web (sg-…)`` and one that is being replaced as ``web [outgoing sg-…]``,
and in ``terrace_allow_data_loss`` and its like ``*``, ``?`` and brackets stand for others. A record of DNS is keyed by its zone,
name and type, which its kind checks.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from ..engine.kind import Kind

HYPHENATED = (r"[a-z0-9](-?[a-z0-9])*", "lower-case letters, digits and single hyphens between them")
#: What tags of every service take, and so the Name of what AWS otherwise knows by an id.
#: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAGGED = (r"[^\W_][\w .:/=+@-]*", "letters, digits, spaces and _ . : / = + - @, and a letter or digit first")
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
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    "queue": (r"[\w-]+", "letters, digits and _ -"),
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
    "launch_template": (r"[\w./-]+", "letters, digits and _ . / -"),
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    "security_group": (r"[\w .#,@+=&;{}!$-]+", "letters, digits, spaces and . _ - # , @ + = & ; { } ! $"),
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html
    "key_pair": (r"[\w .:/=+@-]+", "letters, digits, spaces and _ . : / = + - @"),
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
    "autoscaling_group": (r"[\w.+=,@/-]+", "letters, digits and _ . + = , @ / -"),
    # Neither carries tags, and one that was made by hand goes by the name it has, with its group in brackets where two have it.
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
    "lifecycle_hook": (r"[\w/-]+( \([\w .,+=@/-]+\))?", "letters, digits and _ / -"),
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
    "scaling_policy": (r"[^*?\[\]\x00-\x1f]+", "any characters but * ? [ ]"),
}


def problems(kind: Kind, name: str) -> t.Iterator[str]:
    """What is wrong with the name of a kind's entry."""
    # A record is keyed by its zone, name and type.
    if kind.name != "dns_record":
        yield from problems_in(kind.variable, kind.options_of or kind.name, name)


def problems_in(variable: str, kind: str, name: str) -> t.Iterator[str]:
    """The same where another variable holds the name, and entries of the kind are made of it."""
    pattern, words = RULES.get(kind, TAGGED)
    if not name.strip():
        yield f"{variable}: an entry has an empty name; allowed are {words}"
    # Letters of any language are letters to a tag.
    elif name != name.strip() or not re.fullmatch(pattern, name, re.ASCII if kind in RULES else 0):
        yield f"{variable}.{name}: {name} is not a name AWS and Terrace allow; allowed are {words}"
