# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a cell may take over, and what it takes over from: what is decided before anything is touched."""

from __future__ import annotations

import datetime as dt
import fnmatch
import typing as t
from dataclasses import asdict, dataclass

from . import journal as journals
from . import pairs
from .status import FAIL, NOTE, PASS, UNKNOWN, Check, Side, Status

PLANNED, UNPLANNED = "planned", "unplanned"
#: What a run does.
FAIL_OVER, CALL_OFF, NOTHING = "fail over", "call off", "nothing"
#: The step of a journal that has where the former primary's log ends.
LOGINS = "fence logins"
#: The step that is noted before AWS is asked to promote anything: from then on nothing is called off.
PROMOTE = "promote"


class RefusedError(Exception):
    """Why nothing is done, one reason each.

    :ivar reasons: for people
    """

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(f"  {reason}" for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Request:
    """What the operator asks for.

    :ivar to: the cell that is to write
    :ivar mode: ``planned`` loses nothing and needs both regions; ``unplanned`` takes what the replica has
    :ivar unfenced: the cell whose databases may stay writable for those who still reach them; its name is the consent
    :ivar accepted: patterns of checks that may fail
    :ivar clients: whether the cell that is to write has machines that reach its databases
    """

    to: str
    mode: str
    unfenced: str = ""
    accepted: tuple[str, ...] = ()
    clients: bool = True


def decide(
    status: Status,
    request: Request,
    found: t.Mapping[str, journals.Journal | None],
    last: t.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """What is to be done: ``act``, ``from``, ``to``, ``mode``, ``unfenced``, the checks, and the journal to go on with.

    :param status: both cells of the pair as they are
    :param found: the last journal of each cell that could be read, by cell
    :param last: the last status of the pair that was kept: what is known of a cell that cannot be read
    :raises RefusedError: where nothing may be done
    """
    sides = {side.name: side for side in status.sides}
    if request.to not in sides:
        raise RefusedError([f"dr_failover_to: {request.to or 'nothing'} is none of {', '.join(sides)}"])
    to = sides.pop(request.to)
    (former,) = sides.values()
    if to.problem:
        raise RefusedError([f"{to.name} could not be read, so nothing can be made to write there: {to.problem}"])
    mine, theirs = found.get(to.name), found.get(former.name)
    resumed = mine if journals.unfinished(mine) else None
    if theirs and journals.unfinished(theirs):
        # AWS may still show a replica for some seconds after it was asked to promote it.
        promoting = any(each["step"] == PROMOTE for each in theirs["steps"])
        if status.primary is to and not promoting:
            return _decision(status, request, former, to, CALL_OFF, journal=theirs)
        why = "has begun to promote and not ended" if promoting else "has not ended"
        raise RefusedError(
            [
                f"a failover to {former.name}, begun at {theirs['began']}, {why}; end it first: -e dr_failover_to={former.name}"
            ]
        )
    if resumed is None and status.primary is to:
        return _decision(status, request, former, to, NOTHING, lead=status.leads_nobody())
    if resumed is None and status.primary is None:
        raise RefusedError([f"{check.cell} {check.what}: {check.detail}".strip() for check in status.checks()])
    # What was begun as planned may go on as unplanned, when a region is lost meanwhile; never the other way round.
    mode = resumed["mode"] if resumed and request.mode == PLANNED else request.mode
    unfenced = request.unfenced or (resumed or {}).get("unfenced", "")
    checks = [] if resumed else list(_checks(status, to, mode))
    if former.problem and not resumed:
        checks.append(_last_status(status, to, last))
    reasons = [*_what_is_missing(status, former, to), *_without_fence(former, mode, unfenced)]
    if mode == PLANNED and not request.clients and not resumed:
        reasons.append(
            f"{to.name} has no machine of {status.options['clients'] or 'recovery_pairs.' + status.name + '.clients'} that"
            " reaches its databases, so it cannot be seen that nothing is lost; only an unplanned failover is possible"
        )
    reasons += [
        f"{check.cell}: {check.what}: {check.detail} ({check.result})"
        for check in checks
        if check.result == FAIL or (check.result == UNKNOWN and mode == PLANNED)
        if not any(fnmatch.fnmatch(check.what, pattern) for pattern in request.accepted)
    ]
    if reasons:
        raise RefusedError(reasons)
    return _decision(status, request, former, to, FAIL_OVER, checks, mode=mode, unfenced=unfenced, journal=resumed)


def _checks(status: Status, to: Side, mode: str) -> t.Iterator[Check]:
    """What counts: whether both are as their inventories say is for dr_status to tell, and takes too long here."""
    for check in status.checks():
        # Traffic is led, and applications run, by what the failover itself writes.
        if check.what in (Status.DRIFT, Status.TRAFFIC, Status.FOLLOWS):
            continue
        # What the lost region alone could answer.
        if mode == UNPLANNED and check.result == FAIL and check.cell != to.name:
            yield Check(check.what, check.cell, NOTE, check.detail)
        else:
            yield check


def _last_status(status: Status, to: Side, last: t.Mapping[str, t.Any] | None) -> Check:
    """What was known while both cells could be read, with its age."""
    what = "both cells when they could be read last"
    if not last:
        return Check(
            what, to.name, NOTE, "nobody kept a status: run dr_status.yml on a schedule with dr_status_keep=true"
        )
    age = (status.now - dt.datetime.fromisoformat(last["at"])).total_seconds()
    told = f"{age / 3600:.1f} h ago" if age >= 3600 else f"{age / 60:.0f} min ago"
    wrong = [
        f"{each['cell']}: {each['what']}: {each['detail']}"
        for each in last["checks"]
        if each["result"] in (FAIL, UNKNOWN)
    ]
    ready = "ready" if last["ready"] else f"NOT READY ({'; '.join(wrong)})"
    return Check(what, to.name, NOTE, f"{last['standby']} was {ready}, {told}")


def _what_is_missing(status: Status, former: Side, to: Side) -> t.Iterator[str]:
    """What the inventory and the cells lack for a failover."""
    where, options = f"recovery_pairs.{status.name}", status.options
    for option, kind in (("journal_bucket", "bucket"), ("fence_group", "security_group")):
        if not options[option]:
            yield f"{where}.{option}: missing; a failover needs it"
            continue
        for side in (to, former):
            if not side.lacks(kind) and options[option] not in side.of(kind):
                yield f"{where}.{option}: {side.name} has no {kind.replace('_', ' ')} {options[option]}"
    if name := options["traffic_bucket"]:
        for side in (to, former):
            if side.lacks("bucket"):
                continue
            bucket = side.of("bucket").get(name)
            if bucket is None:
                yield f"{where}.traffic_bucket: {side.name} has no bucket {name}"
            elif pairs.WRITER not in bucket.attributes["health_check_objects"]:
                yield (
                    f"{where}.traffic_bucket: health checks may not read {pairs.WRITER} in {name} of {side.name}"
                    " (health_check_objects)"
                )
    balancer = options["public_balancer"]
    if options["public_name"] and not to.lacks("load_balancer") and balancer not in to.of("load_balancer"):
        yield f"{where}.public_balancer: {to.name} has no load balancer {balancer}"
    fence = former.of("security_group").get(options["fence_group"])
    if fence is not None and fence.attributes["ingress"]:
        let_in = ", ".join(sorted(fence.attributes["ingress"]))
        yield f"{where}.fence_group: {options['fence_group']} of {former.name} lets in {let_in}; it must let nobody in"


def _without_fence(former: Side, mode: str, unfenced: str) -> t.Iterator[str]:
    if unfenced and unfenced != former.name:
        yield f"dr_failover_unfenced: is {unfenced}, and the cell that would not be fenced is {former.name}"
    elif unfenced and mode == PLANNED:
        yield "dr_failover_unfenced: nothing can be lost only behind a fence; without one: -e dr_failover_mode=unplanned"
    if not former.lacks("db_instance") or unfenced == former.name:
        return
    why = former.problem or former.failed.get("db_instance", "")
    if mode == PLANNED:
        yield (
            f"a planned failover needs both regions, and {former.name} could not be read: {why}. Where it is lost:"
            " -e dr_failover_mode=unplanned"
        )
    else:
        yield (
            f"the databases of {former.name} cannot be fenced, for it could not be read: {why}. Whoever still reaches them could"
            f" go on writing there. If that is known and accepted: -e dr_failover_unfenced={former.name}"
        )


def _decision(
    status: Status,
    request: Request,
    former: Side,
    to: Side,
    act: str,
    checks: t.Iterable[Check] = (),
    *,
    mode: str = "",
    unfenced: str = "",
    journal: journals.Journal | None = None,
    lead: bool = False,
) -> dict[str, t.Any]:
    options = status.options
    fence = former.of("security_group").get(options["fence_group"])
    # The journal of what is called off is where that was to write.
    keeper = former if act == CALL_OFF else to
    bucket = keeper.of("bucket").get(options["journal_bucket"])
    kept = journal or {"secrets": [], "secret_ids": {}}
    return {
        "pair": status.name,
        "from": former.name,
        "to": to.name,
        "act": act,
        "mode": mode or request.mode,
        "unfenced": unfenced,
        "accepted": sorted(request.accepted),
        "clients": options["clients"],
        "reachable": not former.lacks("db_instance"),
        "fence": fence.id if fence else "",
        "bucket": bucket.id if bucket else "",
        "bucket_region": keeper.region,
        "traffic": {side.name: _traffic_bucket(options, side) for side in (former, to)}
        if lead or act == FAIL_OVER
        else {},
        # Somebody removed what leads clients to the cell that writes.
        "lead_again": lead,
        "former_follows": _follows(options, former),
        "public_name": options["public_name"],
        "public_balancer": _balancer(options, to),
        "databases": {name: _database(name, former, to) for name in options["databases"]},
        "logins": _fenced_logins(journal, options, former),
        # Those that an earlier run promoted without telling so are not the cell's until they are told.
        "secrets": sorted({*_secrets(former, to), *kept["secrets"]}),
        "secret_ids": kept["secret_ids"] | {name: secret.id for name, secret in to.of("secret").items()},
        "checks": [asdict(check) for check in checks if check.result != PASS],
        "rto_minutes": status.rto,
        "rpo_minutes": status.rpo,
        "journal": journal,
    }


def _traffic_bucket(options: dict[str, t.Any], side: Side) -> str:
    """What the bucket that leads the traffic is called on AWS; empty where there is none or it is not known."""
    bucket = side.of("bucket").get(options["traffic_bucket"])
    return bucket.id if bucket else ""


def _balancer(options: dict[str, t.Any], to: Side) -> str:
    """The DNS name that the public name is to lead to."""
    found = to.of("load_balancer").get(options["public_balancer"])
    return str(found.facts["dns_name"]) if found else ""


def _database(name: str, former: Side, to: Side) -> dict[str, t.Any]:
    """A database of both cells, as tasks want it."""
    mine, theirs = to.of("db_instance").get(name), former.of("db_instance").get(name)
    return {
        "id": mine.id if mine else "",
        "endpoint": mine.facts["endpoint"] if mine else "",
        "port": (mine or theirs).facts["port"] if mine or theirs else 0,
        "follows": bool(mine and mine.attributes["source"]),
        "former_id": theirs.id if theirs else "",
        "former_endpoint": theirs.facts["endpoint"] if theirs else "",
        "former_status": theirs.status if theirs else "",
    }


def _follows(options: dict[str, t.Any], former: Side) -> bool:
    """Whether every database of a cell follows another one."""
    return all(
        (found := former.of("db_instance").get(name)) and found.attributes["source"] for name in options["databases"]
    )


def _fenced_logins(journal: journals.Journal | None, options: dict[str, t.Any], former: Side) -> dict[str, t.Any]:
    """What an earlier run found when it fenced the logins, where its databases are out of reach since then; else nothing.

    The network is fenced after the logins, so that a database in the group that lets nobody in has had its logins fenced.
    """
    done = [each["detail"] for each in (journal or {}).get("steps", []) if each["step"] == LOGINS and each["ended"]]
    instances = [former.of("db_instance").get(name) for name in options["databases"]]
    shut = all(each and each.attributes["security_groups"] == [options["fence_group"]] for each in instances)
    return dict(done[-1]) if done and shut else {}


def _secrets(former: Side, to: Side) -> t.Iterator[str]:
    """The secrets of both cells that are still replicas, by their names on AWS."""
    for secret in to.of("secret").values():
        if secret.attributes["counterpart"].partition("/")[0] == former.name and secret.facts["replica_of"]:
            yield secret.id
