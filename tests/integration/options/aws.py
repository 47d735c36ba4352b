"""What the readers share: clients of the account, and logical names of what AWS gives ids to, by the tag Name alone."""

from __future__ import annotations

import functools
import typing as t

#: Reads one resource: what its options are on AWS, by the paths samples.yml gives them.
Reader = t.Callable[["Aws", str], dict[str, t.Any]]
READERS: dict[str, Reader] = {}


def reader(kind: str) -> t.Callable[[Reader], Reader]:
    """Register the reader of a kind."""

    def register(function: Reader) -> Reader:
        READERS[kind] = function
        return function

    return register


class Aws:
    """One cell as boto3 shows it.

    :param client: makes a client of a service
    """

    def __init__(self, client: t.Callable[[str], t.Any], cell: str) -> None:
        self.client = functools.cache(client)
        self.cell = cell

    def pages(self, service: str, operation: str, key: str, **arguments: t.Any) -> list[dict[str, t.Any]]:
        client = self.client(service)
        if not client.can_paginate(operation):
            return getattr(client, operation)(**arguments)[key]
        return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]

    @functools.cached_property
    def tagged(self) -> dict[str, dict[str, str]]:
        """The tags of everything EC2 tags, by id."""
        found: dict[str, dict[str, str]] = {}
        for tag in self.pages("ec2", "describe_tags", "Tags"):
            found.setdefault(tag["ResourceId"], {})[tag["Key"]] = tag["Value"]
        return found

    def ec2(self, operation: str, key: str, id_key: str, name: str) -> dict[str, t.Any]:
        """The one resource of EC2 of a logical name."""
        [found] = [each for each in self.pages("ec2", operation, key) if self.called(each[id_key]) == name]
        return found

    def called(self, resource_id: str | None) -> str | None:
        """The logical name of something of EC2 by its id; None for what is not the cell's."""
        return self.short(self.tagged.get(resource_id or "", {}).get("Name", ""))

    def short(self, name: str | None) -> str | None:
        """The logical name in a name of AWS."""
        return name.removeprefix(f"{self.cell}-") if name and name.startswith(f"{self.cell}-") else None

    def bucket(self, name: str | None) -> str | None:
        """The logical name of a bucket, ``<cell>-<name>-<account>``."""
        return self.short(name.rpartition("-")[0]) if name else None

    def names(self, ids: t.Iterable[str]) -> list[str | None]:
        return sorted((self.called(each) for each in ids), key=str)

    @functools.cached_property
    def keys(self) -> dict[str, str | None]:
        """The logical names of KMS keys by ARN and by id."""
        kms = self.client("kms")
        found: dict[str, str | None] = {}
        for key in self.pages("kms", "list_keys", "Keys"):
            tags = {each["TagKey"]: each["TagValue"] for each in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]}
            found[key["KeyArn"]] = found[key["KeyId"]] = self.short(tags.get("Name"))
        return found

    @functools.cached_property
    def certificates(self) -> dict[str, str | None]:
        """The logical names of certificates by ARN."""
        acm = self.client("acm")
        found = {}
        for each in self.pages("acm", "list_certificates", "CertificateSummaryList"):
            tags = acm.list_tags_for_certificate(CertificateArn=each["CertificateArn"])["Tags"]
            found[each["CertificateArn"]] = self.short({tag["Key"]: tag["Value"] for tag in tags}.get("Name"))
        return found


def tags_of(listed: list[dict[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in listed}
