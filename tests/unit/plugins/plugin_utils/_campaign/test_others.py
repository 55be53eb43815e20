"""A gate waits for what other runs do, as long as they work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import open_journal
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import GateError, Missing
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.others import Others, seconds_to_wait
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import document_of
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import PREFIX

from ..lock_world import AT, MemoryStore, run
from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run

PLAN = plan_of(deployment("db", "d1 d2"), deployment("web", "w1 w2"))
HERE, THERE = run(1), replace(run(2), controller="c2")
MISSING = Missing("db/change", "d1", "change of db on d1", is_ours=False)


class World:
    """A campaign with the run 1, here, which is about w1, and a run there, which is about d1."""

    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.store = MemoryStore()
        self.store.wait_for_change = self.wait  # type: ignore[method-assign] # time is ours
        for each, host in ((HERE, "w1"), (THERE, "d1")):
            about = Selection(hosts=frozenset({host}))
            journal = open_journal(
                self.store,
                "plan",
                each,
                lambda _run: RunState.LIVE,
                AT,
                about=about,
                meets=lambda _other: False,
            )
            self.says(each, RunState.LIVE)
        self.others = Others(PLAN, self.store, HERE, journal.campaign, self.said.append, lambda: self.now)
        self.happens: dict[float, Callable[[], None]] = {}

    def wait(self, timeout: float) -> bool:
        self.now += timeout
        self.happens.pop(self.now, lambda: None)()
        return False

    def says(self, each: Run, state: RunState) -> None:
        key = PREFIX + each.id
        self.store.transact((key,), lambda _documents: ({key: document_of(each, state)}, None))

    def passes(self, until: float, seconds: float = 100) -> float:
        """Wait for a gate that is open from a moment on; gives when it was passed."""

        def attempt() -> float:
            if self.now < until:
                raise GateError("db is not done", [MISSING])
            return self.now

        return self.others.wait_for(attempt, lambda _passed: (), "Wave 2 waits", seconds)


def test_a_gate_is_passed_when_the_other_run_has_done_its_part() -> None:
    world = World()
    assert world.passes(20) == 20
    assert world.said[0] == "Wave 2 waits for what PID 2 on c2 (hosts d1) does: change of db on d1 (0 s)"
    assert [words.rpartition("(")[2] for words in world.said] == ["0 s)", "8 s)", "16 s)"]


def test_a_run_that_ends_is_not_waited_for() -> None:
    world = World()
    world.happens[5] = lambda: world.says(THERE, RunState.OVER)
    with pytest.raises(GateError, match="db is not done"):
        world.passes(20)
    assert world.now == 5


def test_nobody_waits_for_longer_than_was_said() -> None:
    world = World()
    with pytest.raises(GateError):
        world.passes(20, seconds=10)
    assert world.now == 10


def test_what_would_only_be_left_open_is_waited_for_too() -> None:
    world = World()
    left = world.others.wait_for(
        lambda: world.now, lambda now: () if now >= 3 else (MISSING,), "The finalizers wait", 100
    )
    assert left == 3
    world.happens[8] = lambda: world.says(THERE, RunState.OVER)
    assert world.others.wait_for(lambda: world.now, lambda _now: (MISSING,), "The finalizers wait", 100) == 8


def test_what_nobody_does_is_refused_at_once() -> None:
    world = World()

    def attempt() -> None:
        raise GateError("no", [MISSING, Missing("db/change", "d2", "change of db on d2")])

    with pytest.raises(GateError, match="no"):
        world.others.wait_for(attempt, lambda _passed: (), "Wave 2 waits", 100)
    assert world.now == 0


@pytest.mark.parametrize(("given", "seconds"), [(None, 3600), ("", 3600), (0, 0), ("60", "60")])
def test_an_hour_is_waited_where_nothing_else_is_said(given: object, seconds: object) -> None:
    assert seconds_to_wait(given) == seconds
