from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run import run
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import (
    Run,
    RunError,
    RunState,
    operator,
    run_of_worker,
    run_state,
    this_run,
)

if TYPE_CHECKING:
    from pathlib import Path

HERE = this_run()


def test_this_process_is_alive() -> None:
    assert run_state(HERE, HERE) is RunState.LIVE


WORKER = """
import multiprocessing, os, sys, time
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunError, run_of_worker

def work(parent):
    print(run_of_worker().pid, flush=True)
    while os.getppid() == parent:
        time.sleep(0.01)
    try:
        print(run_of_worker(), flush=True)
    except RunError as exc:
        print(exc, flush=True)

multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),)).start()
"""


def test_a_worker_belongs_to_the_run_that_forked_it_and_to_nobody_once_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{process.pid}\n"
        process.kill()
        process.wait()
        said = process.stdout.read()
    assert said == f"ansible-playbook, PID {process.pid}, has ended while its task was still running.\n"


def test_what_is_no_worker_belongs_to_its_parent() -> None:
    assert run_of_worker() == this_run(os.getppid())


def test_a_process_is_over_once_it_has_ended_even_while_nobody_has_fetched_its_status() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run = this_run(process.pid)
        assert run_state(run, HERE) is RunState.LIVE
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert run_state(run, HERE) is RunState.OVER  # a zombie
        process.wait()
        assert run_state(run, HERE) is RunState.OVER


def test_a_run_of_a_container_never_has_the_id_of_one_elsewhere_on_its_machine() -> None:
    """Of a name, a process number and a moment two containers may have the same."""
    whole, one, other = (
        replace(
            HERE, controller="ctl1", boot="9f86d081-88", pid=7, started=42, namespace=f"pid:[{number}]"
        ).id
        for number in (4026531836, 4026532180, 4026532244)
    )
    assert (whole, one, other) == (
        "ctl1-9f86d081-7-42",
        "ctl1-9f86d081-7-42-4026532180",
        "ctl1-9f86d081-7-42-4026532244",
    )


CASES = [
    ({"started": 1}, "over", "another process has the number now"),
    ({"boot": "before"}, "over", "the machine was rebooted"),
    ({"boot": "before", "machine": ""}, "unknown", "another machine may have the name"),
    (
        {"boot": "before", "namespace": "pid:[7]"},
        "unknown",
        "a container of the same image on another machine",
    ),
    ({"namespace": "pid:[7]"}, "unknown", "a container whose processes we cannot see"),
    ({"controller": "other"}, "unknown", "another controller"),
    ({"machine": "other"}, "unknown", "another machine of the same name"),
    ({"controller": "other", "boot": "before"}, "unknown", "another controller"),
]


@pytest.mark.parametrize(("difference", "expected", "why"), CASES, ids=[case[2] for case in CASES])
def test_only_what_is_proven_is_over(difference: dict[str, object], expected: str, why: str) -> None:
    here = replace(HERE, machine=str(difference.get("machine", "m")) and "m")
    if "boot" in difference:
        here = replace(here, namespace=run.WHOLE_MACHINE)
    if difference.get("machine") == "":
        here = replace(here, machine="")
    assert run_state(replace(here, **difference), here) == expected, why  # type: ignore[arg-type]


def test_a_run_stays_itself_when_its_machine_gets_an_id_meanwhile() -> None:
    """As the postinst of dbus and systemd give it one, which a task of the run may install."""
    before, after = replace(HERE, machine=""), replace(HERE, machine="m")
    assert before == after
    assert run_state(before, after) is RunState.LIVE
    assert run_state(replace(before, started=1), after) is RunState.OVER
    assert run_state(replace(before, boot="before"), after) is RunState.UNKNOWN


def test_another_boot_seen_from_a_container_proves_nothing() -> None:
    here = replace(HERE, machine="of the image", namespace="pid:[7]")
    assert run_state(replace(here, boot="of another machine"), here) is RunState.UNKNOWN


def test_a_process_that_proc_hides_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(run.os, "kill", kill)
    assert run_state(HERE, HERE, proc=tmp_path) is RunState.UNKNOWN


@pytest.mark.parametrize("name", ["ansible-playboo", "a) R 1 (b", "two words"])
def test_the_start_time_is_found_whatever_the_process_is_called(tmp_path: Path, name: str) -> None:
    fields = ["S", "1", *["0"] * 17, "4711", "0", "0"]
    (tmp_path / "42").mkdir()
    (tmp_path / "42/stat").write_text(f"42 ({name}) {' '.join(fields)}")
    run = replace(HERE, pid=42, started=4711)
    assert run_state(run, HERE, proc=tmp_path) is RunState.LIVE
    assert run_state(replace(run, started=4712), HERE, proc=tmp_path) is RunState.OVER


def test_a_process_that_is_gone_has_no_run() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(RunError, match="has ended while its task was still running"):
        this_run(process.pid)


def test_a_run_goes_to_a_document_and_back() -> None:
    assert Run.from_document(HERE.as_document()) == HERE


@pytest.mark.parametrize("wrong", [{"pid": "1"}, {"pid": True}, {"boot": None}])
def test_a_document_that_is_no_run_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Run.from_document(HERE.as_document() | wrong)


def test_the_machine_is_told_apart_without_showing_its_id(tmp_path: Path) -> None:
    secret = tmp_path / "machine-id"
    assert this_run(machine_id=secret).machine == ""
    secret.write_text("b08dfa6083e7567a1921a715000001fb\n")
    shown = this_run(machine_id=secret).machine
    assert shown
    assert shown not in secret.read_text()


def test_who_did_it_is_who_it_is_to_the_machine_whatever_logname_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("LOGNAME", user)
    assert operator() == f"{user} on {socket.gethostname()}"
    monkeypatch.setenv("LOGNAME", "some\x1body else")
    assert operator() == f"{user} (as some\\x1body else) on {socket.gethostname()}"


def test_a_user_without_an_entry_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert operator() == f"uid 4000000 on {socket.gethostname()}"
