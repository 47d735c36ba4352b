# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the second cell of a pair could take over now, check by check, from what is read in both regions."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import asdict, dataclass, field

from ..engine.cell import Cell
from ..engine.kind import READY, WRITER_TAG, Resource
from ..sdk import BotoCoreError, ClientError
from . import pairs, releases

PASS, FAIL, UNKNOWN, NOTE = "pass", "fail", "unknown", "note"
#: Kinds that are looked at.
KINDS = ("db_instance", "secret", "kms_key", "autoscaling_group", "bucket")
#: Recovery time and recovery point of the tiers, in minutes.
TIERS = {"critical": (60, 15), "important": (240, 60), "standard": (1440, 240)}
#: CloudWatch has a data point a minute; one that is older says nothing of now.
#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
LAG_AGE = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Check:
    """One answer.

    :ivar what: what was asked
    :ivar cell: where
    :ivar result: ``pass``, ``fail``, ``unknown`` (it could not be found out) or ``note`` (what counts neither way)
    :ivar detail: what was found
    """

    what: str
    cell: str
    result: str
    detail: str


@dataclass
class Side:
    """A cell of the pair as it is now.

    :ivar problem: why nothing of it could be read; empty where something was
    :ivar failed: why a kind could not be read, by kind
    """

    name: str
    region: str
    cell: Cell
    problem: str = ""
    observed: dict[str, dict[str, Resource]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, cell: Cell, kinds: t.Sequence[str] = KINDS) -> Side:
        """Look at a cell that may be out of reach. A kind that cannot be read (a key that is disabled) hides no other."""

        def ask(kind: str) -> dict[str, Resource] | str:
            try:
                return cell.observed(kind)
            except (ClientError, BotoCoreError) as error:
                return str(error)

        found = dict(zip(kinds, cell.map(ask, kinds), strict=True))
        failed = {kind: each for kind, each in found.items() if isinstance(each, str)}
        if len(failed) == len(kinds):
            return cls(name, cell.region, cell, failed[kinds[0]])
        observed = {kind: each for kind, each in found.items() if not isinstance(each, str)}
        return cls(name, cell.region, cell, "", observed, failed)

    def of(self, kind: str) -> dict[str, Resource]:
        return self.observed.get(kind, {})

    def lacks(self, kind: str) -> bool:
        """Whether it is unknown what there is of a kind."""
        return bool(self.problem) or kind in self.failed


class Status:
    """The checks of one pair.

    :param options: the pair's entry
    :param plans: what each cell's plan counts, or its ``problem``, by cell; a cell without one was not planned
    :cvar DRIFT: the check that takes a plan
    :cvar TRAFFIC: the check of what leads the clients
    :cvar FOLLOWS: the check of what lets the standby's applications run
    """

    DRIFT = "it is as its inventory says"
    TRAFFIC = "clients are led to the cell that writes"
    FOLLOWS = "the standby has said that it follows"

    def __init__(
        self,
        name: str,
        options: dict[str, t.Any],
        sides: list[Side],
        plans: t.Mapping[str, dict[str, t.Any]],
        now: dt.datetime,
    ) -> None:
        self.name, self.options, self.sides, self.plans, self.now = name, options, sides, plans, now
        self.rto, self.rpo = (
            options[target] or tier for target, tier in zip(("rto", "rpo"), TIERS[options["tier"]], strict=True)
        )
        self.primary, self.standby = self._roles()

    def _roles(self) -> tuple[Side | None, Side | None]:
        """Which cell writes and which could take over: the one whose first database is no replica writes.

        Both are None where that cannot be told.
        """
        database = self.options["databases"][0]
        replicas = {side.name: self._follows(side, database) for side in self.sides}
        first, second = self.sides
        if replicas[first.name] is False and replicas[second.name] is not False:
            return first, second
        if replicas[second.name] is False and replicas[first.name] is not False:
            return second, first
        # The other one cannot be read: what follows it says that it wrote.
        for side, other in ((first, second), (second, first)):
            if replicas[side.name] and other.lacks("db_instance"):
                return other, side
        return self._promoted_last(database)

    def _promoted_last(self, database: str) -> tuple[Side | None, Side | None]:
        first, second = self.sides
        since = {
            side.name: found.marks.get(WRITER_TAG, "") if (found := side.of("db_instance").get(database)) else ""
            for side in self.sides
        }
        if since[first.name] == since[second.name]:
            return None, None
        return (first, second) if since[first.name] > since[second.name] else (second, first)

    @staticmethod
    def _follows(side: Side, database: str) -> bool | None:
        """Whether a cell's database is a replica; None where there is none, or it cannot be read."""
        found = side.of("db_instance").get(database)
        return bool(found.attributes["source"]) if found else None

    @classmethod
    def _has(cls, side: Side, database: str) -> str:
        """What a cell has of a database, for people."""
        if side.lacks("db_instance"):
            return "could not be read"
        found = side.of("db_instance").get(database)
        if found is None:
            return f"has no database {database}"
        return f"follows {found.attributes['source']}" if cls._follows(side, database) else "follows nothing"

    def as_dict(self) -> dict[str, t.Any]:
        """The report: ``ready`` only where every check that counts passed."""
        checks = list(self.checks())
        return {
            "pair": self.name,
            "at": self.now.isoformat(timespec="seconds"),
            "ready": all(check.result in (PASS, NOTE) for check in checks),
            "primary": self.primary.name if self.primary else "",
            "standby": self.standby.name if self.standby else "",
            "tier": self.options["tier"],
            "rto_minutes": self.rto,
            "rpo_minutes": self.rpo,
            "checks": [asdict(check) for check in checks],
        }

    def checks(self) -> t.Iterator[Check]:
        for side in self.sides:
            if side.problem:
                yield Check("the region answers", side.name, UNKNOWN, side.problem)
        if not self.primary or not self.standby:
            database = self.options["databases"][0]
            told = ", ".join(f"{side.name} {self._has(side, database)}" for side in self.sides)
            unread = any(side.lacks("db_instance") for side in self.sides)
            yield Check("one cell writes", "", UNKNOWN if unread else FAIL, told)
            return
        preferred = self.options["preferred_primary"]
        yield Check(
            "which cell writes",
            self.primary.name,
            NOTE,
            "the preferred one"
            if preferred in ("", self.primary.name)
            else f"{preferred} is preferred: a failback is due",
        )
        if self.standby.problem:
            return
        for side in self.sides:
            for kind, problem in side.failed.items():
                yield Check(f"every {kind.replace('_', ' ')} can be read", side.name, UNKNOWN, problem)
        looks = {"secret": self._secrets, "autoscaling_group": self._tiers}
        if "db_instance" not in self.standby.failed:
            for database in self.options["databases"]:
                yield from self._database(database, self.primary, self.standby)
        for kind, look in looks.items():
            if kind not in self.standby.failed:
                yield from look(self.primary, self.standby)
        yield from self._keys(self.standby)
        for bucket in self.options["release_buckets"]:
            yield from self._releases(bucket, self.primary, self.standby)
        if self.options["traffic_bucket"]:
            yield from self._traffic(self.primary, self.standby)
        yield from self._drift()

    # -- the database ----------------------------------------------------------------------------------------------
    def _database(self, name: str, primary: Side, standby: Side) -> t.Iterator[Check]:
        what, copy = f"database {name}", standby.of("db_instance").get(name)
        if copy is None:
            yield Check(f"{what} is replicated", standby.name, FAIL, "there is no such instance")
            return
        source = copy.attributes["source"]
        if not source:
            yield Check(
                f"{what} is replicated", standby.name, FAIL, f"it is no replica of {primary.name}: it was promoted"
            )
            yield self._fenced(name, copy, standby)
            return
        original = primary.of("db_instance").get(name)
        if original and source != original.facts["arn"]:
            yield Check(f"{what} is replicated", standby.name, FAIL, f"it follows {source}")
            return
        yield self._replication(what, copy, standby)
        yield self._lag(what, copy, standby)
        if original is None:
            detail = f"{primary.name} {self._has(primary, name)}"
            yield Check(f"{what} has the class of its source", standby.name, UNKNOWN, detail)
            return
        have, wanted = (each.attributes["instance_class"] for each in (copy, original))
        detail = have if have == wanted else f"{have}, and {primary.name} has {wanted}"
        yield Check(f"{what} has the class of its source", standby.name, PASS if have == wanted else FAIL, detail)
        kept = original.attributes["backup_retention_period"]
        detail = f"kept for {kept} days" if kept else "no backups are made"
        yield Check(f"{what} is backed up", primary.name, PASS if kept else FAIL, detail)

    def _fenced(self, name: str, former: Resource, side: Side) -> Check:
        """Whether a former primary is kept from everybody. AWS starts a stopped one after seven days.

        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
        """
        what, groups = f"database {name} is fenced", former.attributes["security_groups"]
        if groups == [self.options["fence_group"]]:
            return Check(what, side.name, PASS, f"in {groups[0]} alone, which lets nobody in; it is {former.status}")
        detail = (
            f"it is {former.status}, in {', '.join(groups) or 'no group'}: whoever reaches it may go on writing there"
        )
        return Check(what, side.name, FAIL, detail)

    @staticmethod
    def _replication(what: str, copy: Resource, side: Side) -> Check:
        """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstanceStatusInfo.html"""
        what = f"{what} is replicated"
        if copy.state != READY:
            return Check(what, side.name, FAIL, f"the replica is {copy.status}")
        broken = next((info for info in copy.facts["replication"] if not info["normal"]), None)
        if broken:
            return Check(what, side.name, FAIL, f"replication is {broken['status']} {broken['message']}".rstrip())
        if not copy.facts["replication"]:
            return Check(what, side.name, UNKNOWN, "AWS does not say how the replication is")
        return Check(what, side.name, PASS, f"{copy.facts['replication'][0]['status']}")

    def _lag(self, what: str, copy: Resource, side: Side) -> Check:
        what = f"{what} lags less than the recovery point"
        try:
            answer = side.cell.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/RDS",
                MetricName="ReplicaLag",
                Dimensions=[{"Name": "DBInstanceIdentifier", "Value": copy.id}],
                StartTime=self.now - LAG_AGE,
                EndTime=self.now + dt.timedelta(minutes=1),
                Period=60,
                Statistics=["Maximum"],
            )
        except (ClientError, BotoCoreError) as error:
            return Check(what, side.name, UNKNOWN, str(error))
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        if not points:
            return Check(
                what, side.name, UNKNOWN, f"CloudWatch has no ReplicaLag of the last {LAG_AGE.seconds // 60} minutes"
            )
        # RDS says -1 where it cannot tell.
        seconds = points[-1]["Maximum"]
        if seconds < 0:
            return Check(what, side.name, FAIL, "the lag cannot be determined: replication is not active")
        result = PASS if seconds <= self.rpo * 60 else FAIL
        return Check(what, side.name, result, f"{seconds:.0f} s of {self.rpo * 60} s")

    # -- what the application needs ---------------------------------------------------------------------------------
    def _secrets(self, primary: Side, standby: Side) -> t.Iterator[Check]:
        shared = {
            name
            for side, other in ((primary, standby), (standby, primary))
            for name, secret in side.of("secret").items()
            if secret.attributes["counterpart"].partition("/")[0] == other.name
        }
        for name in sorted(shared):
            what, copy = f"secret {name} is replicated", standby.of("secret").get(name)
            if copy is None:
                yield Check(what, standby.name, FAIL, "there is no such secret")
            elif copy.facts["replica_of"] != primary.region:
                yield Check(what, standby.name, FAIL, f"it is no replica of the one in {primary.region}")
            elif not copy.facts["fields"]:
                yield Check(what, standby.name, FAIL, "it has no value")
            else:
                yield self._in_sync(what, copy, primary, standby)
        if not shared:
            yield Check("secrets are replicated", standby.name, NOTE, "no secret has a counterpart")

    @staticmethod
    def _in_sync(what: str, copy: Resource, primary: Side, standby: Side) -> Check:
        """Whether the primary still replicates it. Its value was decrypted while it was read."""
        if primary.problem:
            return Check(what, standby.name, PASS, "readable with the key of its region, as it was last replicated")
        try:
            described = primary.cell.call("secretsmanager", "describe_secret", SecretId=copy.id)
        except (ClientError, BotoCoreError) as error:
            return Check(what, standby.name, UNKNOWN, str(error))
        states = described.get("ReplicationStatus") or []
        state = next((each for each in states if each["Region"] == standby.region), {})
        if state.get("Status") != "InSync":
            told = f"{state.get('Status', 'not listed by its primary')} {state.get('StatusMessage', '')}".rstrip()
            return Check(what, standby.name, FAIL, told)
        return Check(what, standby.name, PASS, "in sync, and readable with the key of its region")

    @staticmethod
    def _keys(standby: Side) -> t.Iterator[Check]:
        for name, key in sorted(standby.of("kms_key").items()):
            usable = key.status == "Enabled"
            yield Check(f"key {name} is usable", standby.name, PASS if usable else FAIL, key.status)

    @staticmethod
    def _tiers(primary: Side, standby: Side) -> t.Iterator[Check]:
        groups = standby.of("autoscaling_group")
        for name in sorted({*groups, *primary.of("autoscaling_group")}):
            what, group = f"tier {name} is in service", groups.get(name)
            if group is None:
                yield Check(what, standby.name, FAIL, "there is no such group")
                continue
            serving = sum(1 for state in group.facts["instances"].values() if state == "InService")
            wanted = group.facts["desired_capacity"]
            result = PASS if serving >= wanted and wanted else FAIL
            yield Check(
                what, standby.name, result, f"{serving} of {wanted} machines, at most {group.attributes['max_size']}"
            )
            other = primary.of("autoscaling_group").get(name)
            if other and group.attributes["max_size"] < other.facts["desired_capacity"]:
                detail = f"it may have {group.attributes['max_size']}, and {primary.name} runs {other.facts['desired_capacity']}"
                yield Check(f"tier {name} may grow to the size of the primary", standby.name, FAIL, detail)
            elif other:
                detail = "capacity is not guaranteed: AWS may have no more machines when everybody fails over"
                yield Check(f"tier {name} may grow to the size of the primary", standby.name, NOTE, detail)

    @staticmethod
    def _releases(name: str, primary: Side, standby: Side) -> t.Iterator[Check]:
        what = f"bucket {name} holds the same"
        if unread := [side.name for side in (primary, standby) if side.lacks("bucket")]:
            yield Check(what, standby.name, UNKNOWN, f"{' and '.join(unread)} could not be read")
            return
        held = []
        for side in (primary, standby):
            bucket = side.of("bucket").get(name)
            if bucket is None:
                yield Check(what, side.name, FAIL, "there is no such bucket")
                return
            try:
                held.append(releases.Held(side.cell, bucket.id))
            except (ClientError, BotoCoreError) as error:
                yield Check(what, side.name, UNKNOWN, str(error))
                return
        try:
            missing = list(releases.lacks(*held))
        except (ClientError, BotoCoreError, ValueError) as error:
            yield Check(what, standby.name, UNKNOWN, str(error))
            return
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        detail = f"lacks {some}" if missing else f"{held[1].count} objects"
        yield Check(what, standby.name, FAIL if missing else PASS, detail)

    def leads_nobody(self) -> bool:
        """Whether the cell that writes does not say so where clients are led by that."""
        if not (self.options["traffic_bucket"] and self.primary and self.standby):
            return False
        told = self._traffic(self.primary, self.standby)
        return any((check.what, check.cell, check.result) == (self.TRAFFIC, self.primary.name, FAIL) for check in told)

    def _traffic(self, primary: Side, standby: Side) -> t.Iterator[Check]:
        """What each cell says in its own region; before the first failover none says that it writes."""
        said: dict[str, dict[str, dt.datetime]] = {}
        for side in (primary, standby):
            bucket = side.of("bucket").get(self.options["traffic_bucket"])
            if bucket is None:
                detail = "its buckets could not be read" if side.lacks("bucket") else "there is no such bucket"
                yield Check(self.TRAFFIC, side.name, UNKNOWN if side.lacks("bucket") else FAIL, detail)
                continue
            try:
                listed = side.cell.pages("s3", "list_objects_v2", "Contents", Bucket=bucket.id)
            except (ClientError, BotoCoreError) as error:
                yield Check(self.TRAFFIC, side.name, UNKNOWN, str(error))
                continue
            said[side.name] = {
                each["Key"]: each["LastModified"] for each in listed if each["Key"] in (pairs.WRITER, pairs.FOLLOWS)
            }
            told = pairs.WRITER in said[side.name]
            needed = side is primary and side.name != self.options["preferred_primary"]
            says = (
                f"{pairs.WRITER} of {bucket.id} says that it writes" if told else f"{bucket.id} has no {pairs.WRITER}"
            )
            wrong = needed if not told else side is standby
            yield Check(self.TRAFFIC, side.name, FAIL if wrong else PASS, says)
        since = said.get(primary.name, {}).get(pairs.WRITER)
        if since and standby.name in said:
            later = [each for each in said[standby.name].values() if each >= since]
            detail = (
                "it has said so"
                if later
                else "it has not, so that a guard stops its applications: run dr_rebuild.yml to it"
            )
            yield Check(self.FOLLOWS, standby.name, PASS if later else FAIL, detail)

    def _drift(self) -> t.Iterator[Check]:
        for side in self.sides:
            plan, what = self.plans.get(side.name), self.DRIFT
            if plan is None:
                yield Check(what, side.name, UNKNOWN, "it was not planned in this run")
                continue
            if problem := plan.get("problem"):
                yield Check(what, side.name, UNKNOWN, str(problem).partition("\n")[0])
                continue
            differs = {action: count for action, count in plan.items() if count}
            detail = ", ".join(f"{count} to {action}" for action, count in differs.items()) or "the plan is empty"
            yield Check(what, side.name, FAIL if differs else PASS, detail)
