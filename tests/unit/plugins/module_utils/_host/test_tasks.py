"""Real processes that stand for the tasks of an earlier run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.tasks import (
    SLOTS,
    await_earlier_tasks,
    earlier_tasks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = f"web1-{os.getpid()}"  # so that tests beside this one do not meet
STORE = "0123"
MINE = {"host": HOST, "store": STORE, "slots": {"nginx": 7, "redis": 7}}


def slots(host: str = HOST, store: str = STORE, **tokens: int) -> dict[str, str]:
    return {SLOTS: f"1 {json.dumps({'host': host, 'store': store, 'slots': tokens})}"}


@contextmanager
def at_work(environ: dict[str, str], output: int = subprocess.PIPE) -> Iterator[int]:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def seen(environ: dict[str, str], **how: Any) -> bool:
    with at_work(environ, **how) as pid:
        return pid in [task.pid for task in earlier_tasks(MINE)]


def test_a_task_under_an_older_slot_of_the_same_service_is_seen() -> None:
    assert seen(slots(nginx=6, haproxy=7))


CASES = [
    (slots(nginx=7), "of this run"),
    (slots(haproxy=6), "another run may work on another service"),
    (slots("web2", nginx=6), "a task for another host that is delegated to this one"),
    (slots(store="4567", nginx=6), "under slots of another store, which the host refuses anyway"),
    (slots(), "no slots"),
    ({}, "not ours"),
    ({SLOTS: "1 nonsense"}, "not to be read"),
    ({SLOTS: f"2 {json.dumps({'host': HOST, 'store': STORE, 'slots': {'nginx': 6}})}"}, "of a later version"),
    ({SLOTS: '1 {"host": [], "slots": [1]}'}, "of other kinds"),
]


@pytest.mark.parametrize(("environ", "why"), CASES, ids=[case[1] for case in CASES])
def test_what_is_no_earlier_task_is_not_waited_for(environ: dict[str, str], why: str) -> None:
    assert not seen(environ), why


def test_a_daemon_that_a_task_has_left_may_stay() -> None:
    assert not seen(slots(nginx=6), output=subprocess.DEVNULL)


def test_an_earlier_task_is_waited_for_until_it_has_ended() -> None:
    with at_work(slots(nginx=6)) as pid:
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            os.kill(pid, 9)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

        await_earlier_tasks(slots(nginx=7), 60, sleep=sleep)
        assert slept == [1.0]


def test_an_earlier_task_that_stays_is_named_and_nothing_is_done() -> None:
    with at_work(slots(nginx=6)) as pid, pytest.raises(HostError) as caught:
        await_earlier_tasks(slots(nginx=7), 0)
    assert f"still works on this host after 0 s: PID {pid} (" in str(caught.value)
    assert "Nothing was touched here. Wait until it has ended, or end it, and run again." in str(caught.value)
    assert caught.value.details == {"earlier_tasks": [pid]}


def test_without_slots_nobody_is_looked_for() -> None:
    with at_work(slots(nginx=6)):
        await_earlier_tasks({}, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_anybody_may_say_that_theirs_is_a_task_of_ours_and_is_not_believed() -> None:
    command = ["setpriv", "--reuid", "65534", "--clear-groups", "sleep", "60"]
    with subprocess.Popen(command, env={**os.environ, **slots(nginx=6)}, stdout=subprocess.PIPE) as process:
        try:
            while Path(f"/proc/{process.pid}").stat().st_uid != 65534:
                time.sleep(0.01)
            assert process.pid not in [task.pid for task in earlier_tasks(MINE)]
        finally:
            process.kill()


def test_a_task_that_works_as_another_user_is_seen_by_what_made_it_that() -> None:
    text = slots(nginx=6)[SLOTS]
    script = f"{SLOTS}='{text}' true; exec 3>&1; read line"  # as sudo gets it, which waits for the task
    with subprocess.Popen(
        ["/bin/sh", "-c", script], env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.pid in [task.pid for task in earlier_tasks(MINE)]
        finally:
            process.kill()
