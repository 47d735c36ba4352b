"""Two runs never work on one thing: the lock is taken once, told to others, taken over by name or when it is stale."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ProfileNotFound

from ansible_collections.terrace.aws.plugins.plugin_utils import lock_keeper
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import lock

NAME = "/terrace/locks/cell/test"


@pytest.fixture
def ssm(lab):
    return lab.client("ssm")


def other(ssm, **owner):
    """Somebody else's lock, held on another machine."""
    now = datetime.now(UTC)
    value = {
        "name": "ops@far",
        "since": now.isoformat(timespec="seconds"),
        "expires": (now + timedelta(minutes=10)).isoformat(timespec="seconds"),
        "token": "0123",
        "boot": "another kernel",
        "pid": 1,
        "started": "1",
        **owner,
    }
    ssm.put_parameter(Name=NAME, Value=json.dumps(value), Type="String")


def held(ssm) -> dict | None:
    try:
        return json.loads(ssm.get_parameter(Name=NAME)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def test_it_is_taken_in_an_empty_account_and_given_back(ssm):
    mine = lock.Lock(lambda: ssm, "cell/test")
    assert mine.take() == ""
    assert held(ssm)["name"] == lock.whoami()
    mine.release()
    assert held(ssm) is None


def test_who_comes_second_is_told_who_and_since_when(ssm):
    other(ssm)
    with pytest.raises(lock.HeldError, match=r"ops@far has been working on it since .*terrace_take_lock=ops@far"):
        lock.Lock(lambda: ssm, "cell/test").take()
    assert held(ssm)["name"] == "ops@far"


def test_of_many_at_once_one_has_it(ssm):
    got, refused = [], []

    def attempt():
        try:
            lock.Lock(lambda: ssm, "cell/test").take()
            got.append(1)
        except lock.HeldError:
            refused.append(1)

    threads = [threading.Thread(target=attempt) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)


def test_it_is_taken_over_by_name(ssm):
    other(ssm)
    with pytest.raises(lock.HeldError):
        lock.Lock(lambda: ssm, "cell/test").take(take_over="ops@elsewhere")
    mine = lock.Lock(lambda: ssm, "cell/test")
    assert "ops@far" in mine.take(take_over="ops@far")
    assert held(ssm)["name"] == lock.whoami()
    assert [each["Name"] for each in ssm.describe_parameters()["Parameters"]] == [NAME]


def test_one_that_ran_out_is_taken_over(ssm):
    other(ssm, expires=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert "ops@far" in lock.Lock(lambda: ssm, "cell/test").take()


def test_one_of_a_process_of_this_machine_that_is_gone_is_taken_over(ssm):
    other(ssm, boot=lock._boot(), pid=2**22 + 1, started="7")
    assert "ops@far" in lock.Lock(lambda: ssm, "cell/test").take()


@pytest.fixture
def ended():
    """A process that has ended and whose parent has not asked how yet, as in a container whose first process never asks."""
    process = subprocess.Popen(["true"], start_new_session=True)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "Z"
    yield process
    process.wait()


def test_one_of_a_process_that_has_ended_is_taken_over_though_nobody_asked_how(ssm, ended):
    started = Path(f"/proc/{ended.pid}/stat").read_text().rpartition(")")[2].split()[19]
    other(ssm, boot=lock._boot(), pid=ended.pid, started=started)
    assert "ops@far" in lock.Lock(lambda: ssm, "cell/test").take()


def test_of_several_that_find_the_same_stale_lock_one_takes_it_over(ssm):
    other(ssm, expires=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    found = lock.Lock(lambda: ssm, "cell/test")._mine()
    ssm.put_parameter(Name=f"{NAME}.0123", Value=json.dumps(vars(found)), Type="String")
    with pytest.raises(lock.HeldError, match="just taken over"):
        lock.Lock(lambda: ssm, "cell/test").take()


def test_whose_lock_was_taken_over_learns_it_and_does_not_give_it_back(ssm):
    mine = lock.Lock(lambda: ssm, "cell/test")
    mine.take()
    ssm.delete_parameter(Name=NAME)
    other(ssm)
    mine._renewed = datetime.now(UTC) - lock.LEASE
    with pytest.raises(lock.LostError, match="ops@far"):
        mine.renew()
    mine.release()
    assert held(ssm)["name"] == "ops@far"


def test_it_is_renewed_while_it_is_held(ssm):
    mine = lock.Lock(lambda: ssm, "cell/test")
    mine.take()
    before = held(ssm)["expires"]
    mine.renew()
    assert held(ssm)["expires"] == before
    mine._renewed = datetime.now(UTC) - lock.LEASE
    mine._owner.expires = before
    mine.renew()
    assert held(ssm)["token"] == mine._owner.token


def test_who_claims_after_another_has_taken_over_leaves_the_lock_alone(ssm, monkeypatch):
    """It read the stale lock, was delayed, and the claim it then makes is free again."""
    stale = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    other(ssm, expires=stale)
    late = lock.Lock(lambda: ssm, "cell/test")
    claim = late._claim

    def delayed(name, mine):
        lock.Lock(lambda: ssm, "cell/test").take()
        return claim(name, mine)

    monkeypatch.setattr(late, "_claim", delayed)
    with pytest.raises(lock.HeldError, match="just taken over"):
        late.take()
    assert held(ssm)["token"] != late._mine().token
    assert [each["Name"] for each in ssm.describe_parameters()["Parameters"]] == [NAME]


def test_a_process_number_means_nothing_in_another_container(monkeypatch):
    mine = lock.Lock(lambda: None, "cell/test")._mine()
    assert not mine.stale
    mine.boot, mine.pid = mine.boot.replace("pid:[", "pid:[9"), 2**22 + 1
    assert not mine.stale, "it may well run there"


def test_another_process_of_the_run_goes_on_holding_it(ssm):
    first = lock.Lock(lambda: ssm, "cell/test")
    first.take()
    second = lock.Lock(lambda: ssm, "cell/test")
    second.resume(first.token)
    second.release()
    assert held(ssm) is None


def test_what_was_taken_over_is_not_resumed(ssm):
    other(ssm)
    mine = lock.Lock(lambda: ssm, "cell/test")
    with pytest.raises(lock.LostError, match="was taken over by ops@far"):
        mine.resume("4567")
    mine.release()
    assert held(ssm)["name"] == "ops@far"


@pytest.fixture
def run():
    """What stands for a run of ansible-playbook."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_it_is_given_back_when_the_run_ends_whoever_took_it(lab, ssm, run):
    mine = lock.Lock(lambda: ssm, "cell/test", pid=run.pid)
    mine.take()
    assert held(ssm)["pid"] == run.pid
    lock_keeper.keep(lambda: lab.client("ssm"), "cell/test", run.pid, mine.token)
    with pytest.raises(lock.HeldError):
        lock.Lock(lambda: ssm, "cell/test").take()
    run.kill()
    run.wait()
    until = time.monotonic() + 60
    while held(ssm) is not None:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_it_is_given_back_when_the_run_ends_though_nobody_asks_how(lab, ssm, run):
    mine = lock.Lock(lambda: ssm, "cell/test", pid=run.pid)
    mine.take()
    lock_keeper.keep(lambda: lab.client("ssm"), "cell/test", run.pid, mine.token)
    run.kill()
    until = time.monotonic() + 60
    while held(ssm) is not None:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_what_somebody_took_over_meanwhile_is_left_alone(lab, ssm, run):
    mine = lock.Lock(lambda: ssm, "cell/test", pid=run.pid)
    mine.take()
    ssm.delete_parameter(Name=NAME)
    other(ssm)
    reader, writer = os.pipe()
    lock_keeper.keep(lambda: lab.client("ssm"), "cell/test", run.pid, mine.token)
    os.close(writer)
    assert os.read(reader, 1) == b"", "the process lets go of what it inherited"
    run.kill()
    run.wait()
    os.wait()
    assert held(ssm)["name"] == "ops@far"


def test_it_is_not_stale_while_what_its_process_has_started_still_works(ssm, monkeypatch):
    """The processes of a run that was killed go on writing for as long as their modules take."""
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 60 >/dev/null & echo $!"], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    left = int(shell.communicate()[0])
    try:
        other(ssm, boot=lock._boot(), pid=shell.pid, started="1")
        monkeypatch.setattr(lock, "WORKS_ON", 0.1)
        with pytest.raises(lock.HeldError):
            lock.Lock(lambda: ssm, "cell/test").take()
    finally:
        os.kill(left, signal.SIGKILL)
    until = time.monotonic() + 10
    while lock._works_on(shell.pid):
        assert time.monotonic() < until
    assert lock.Lock(lambda: ssm, "cell/test").take().startswith("the lock of ops@far")


def test_the_keeper_takes_the_credentials_of_the_run_as_they_are_and_the_last_ones_once_they_are_gone():
    """Those of an assumed role are renewed in their file; that goes with the run, and the lock is given back after that."""
    clients = iter(["first", "renewed"])

    def connect():
        try:
            return next(clients)
        except StopIteration:
            raise ProfileNotFound(profile="cell") from None

    latest = lock_keeper.Latest(connect)
    assert [latest(), latest(), latest()] == ["renewed"] * 3
