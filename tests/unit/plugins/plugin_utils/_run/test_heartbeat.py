"""What the keeper of a run does when others were told that the run is over."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run import heartbeat
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import declare_over
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, this_run

from ..lock_world import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = Run("ctl2", "m2", "b2", "pid:[4026531836]", 1, 1)


class LendingStore(MemoryStore):
    """A store that has forgotten what was lent to it whenever it is asked to renew that."""

    shared = True

    def __init__(self) -> None:
        super().__init__()
        self.lent: list[str] = []

    def lend(self, key: str, document: Any, seconds: int) -> int:
        self.lent.append(key)
        self.documents[key] = document
        return seconds

    def renew(self, lease: int) -> bool:
        return lease < 0


@pytest.fixture
def playbook(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Let a process stand for ansible-playbook."""
    monkeypatch.setattr(heartbeat, "RENEW_SECONDS", 0.01)
    with subprocess.Popen(["sleep", "30"], stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_run_that_was_declared_over_while_it_was_not_heard_of_is_ended_and_told_why(
    playbook: subprocess.Popen[str],
) -> None:
    store: Any = LendingStore()
    run = this_run(playbook.pid)

    def cut_off() -> None:
        store.documents = {"lock/web": {"holders": {"w1": {"run": run.as_document()}}}}
        declare_over(store, run.id, ELSEWHERE, "its machine has no power", "ann on ctl2")

    heartbeat.keep(store, run, cut_off)
    _nothing, told = playbook.communicate(timeout=20)
    assert playbook.returncode == -signal.SIGTERM
    assert told == (
        f"ann on ctl2 has said that this run, {run.id}, is over (its machine has no power), so others may be at work "
        "in its place. It does nothing more. Run the same command again.\n"
    )
    assert store.documents[f"run/{run.id}"]["reason"] == "its machine has no power"


def test_a_run_of_which_nobody_said_that_it_is_over_is_announced_again(
    playbook: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Any = LendingStore()
    run = this_run(playbook.pid)

    def renewed_at_last(lease: int) -> bool:
        if len(store.lent) == 3:
            playbook.kill()
            return True
        return lease < 0

    monkeypatch.setattr(store, "renew", renewed_at_last)
    heartbeat.keep(store, run, store.documents.clear)
    assert store.lent == [f"run/{run.id}"] * 3
