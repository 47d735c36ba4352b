# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""boto3 sessions that share what botocore has parsed: the description of EC2 alone takes a tenth of a second to read.

Ansible looks at a cell in a new process for each task. What its main process has read before, those find here.
"""

from __future__ import annotations

import typing as t

import boto3.session
import botocore.session
from botocore.exceptions import BotoCoreError
from botocore.loaders import JSONFileLoader, create_loader

#: What the kinds ask.
SERVICES = (
    *("acm", "autoscaling", "ec2", "elasticache", "elbv2", "iam", "kms", "logs", "rds", "resourcegroupstaggingapi"),
    *("route53", "s3", "secretsmanager", "ssm", "sts"),
)


class KeptFiles(JSONFileLoader):
    """Parses each data file once in the life of a process. Which file is used botocore decides every time."""

    def __init__(self) -> None:
        super().__init__()
        self._parsed: dict[str, t.Any] = {}

    def load_file(self, file_path: str) -> t.Any:
        if file_path not in self._parsed:
            parsed = super().load_file(file_path)
            if parsed is None:
                return None
            self._parsed[file_path] = parsed
        return self._parsed[file_path]


_KEPT = KeptFiles()


def session(region: str) -> boto3.session.Session:
    """A session of the environment's credentials and settings (AWS_PROFILE, AWS_DATA_PATH, …) as they are now."""
    core = botocore.session.Session()
    loader = create_loader(core.get_config_variable("data_path"))
    loader.file_loader = _KEPT
    core.register_component("data_loader", loader)
    return boto3.session.Session(region_name=region, botocore_session=core)


def preload() -> None:
    """Parse what clients of the kinds' services need. A fault is left to whoever makes such a client."""
    try:
        loader = create_loader()
        loader.file_loader = _KEPT
        for name in ("endpoints", "partitions", "_retry", "sdk-default-configuration"):
            loader.load_data(name)
        for service in SERVICES:
            for part in ("service-2", "endpoint-rule-set-1", "paginators-1"):
                loader.load_service_model(service, part)
    except BotoCoreError:
        return
