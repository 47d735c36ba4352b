# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""botocore sessions that share what botocore has parsed: the description of EC2 alone takes a tenth of a second to read.

Ansible looks at a cell in a new process for each task. What its main process has read before, those find here.
"""

from __future__ import annotations

import copy
import functools
import os
import re
import typing as t

from ..sdk import MISSING, BotoCoreError, Loader, Session, create_loader

#: What the kinds ask.
SERVICES = (
    *("acm", "autoscaling", "ec2", "elasticache", "elbv2", "iam", "kms", "logs", "rds", "resourcegroupstaggingapi"),
    *("route53", "s3", "secretsmanager", "ssm", "sts"),
)


_LOADERS: dict[str, Loader] = {}


@functools.cache
def _handlers() -> t.Any:
    """botocore's own event handlers, which every session begins with."""
    return Session().get_component("event_emitter")


def session(environment: t.Mapping[str, str] | None = None) -> Session:
    """A session of the environment's credentials and settings (AWS_PROFILE, AWS_DATA_PATH, …) as they are now.

    :param environment: what counts over the process's environment; only its credentials do
    """
    made = Session(event_hooks=copy.copy(_handlers()), include_builtin_handlers=False)
    if environment and environment.get("AWS_PROFILE"):
        made.set_config_variable("profile", environment["AWS_PROFILE"])
        made.set_config_variable("credentials_file", environment.get("AWS_SHARED_CREDENTIALS_FILE", ""))
    made.register_component("data_loader", _loader(made.get_config_variable("data_path") or ""))
    return made


def global_region(region: str) -> str:
    """The region of a region's partition in which what is global is kept: us-east-1, in China cn-northwest-1.

    https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html
    """
    partitions = _loader("").load_data("partitions")["partitions"]
    found = next((each for each in partitions if re.match(each["regionRegex"], region)), partitions[0])
    return str(found["outputs"]["implicitGlobalRegion"])


def preload() -> None:
    """Parse what clients of the kinds' services need. A fault is left to whoever makes such a client."""
    if MISSING:
        return
    _handlers()
    try:
        loader = _loader(os.environ.get("AWS_DATA_PATH", ""))
        for name in ("endpoints", "partitions", "_retry", "sdk-default-configuration"):
            loader.load_data(name)
        for part in ("service-2", "endpoint-rule-set-1", "paginators-1"):
            loader.list_available_services(part)
            for service in SERVICES:
                loader.load_service_model(service, part)
    except BotoCoreError:
        return


def _loader(path: str) -> Loader:
    """A loader keeps what it has loaded."""
    if path not in _LOADERS:
        _LOADERS[path] = create_loader(path or None)
    return _LOADERS[path]
