"""What a person may say of a run that nobody can see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import (
    DeclaredOverError,
    PresenceError,
    announce,
    declare_over,
    seen_by,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState, this_run

from ..lock_world import MemoryStore

HERE = this_run()
IN_A_CONTAINER = replace(HERE, namespace="pid:[7]", pid=12)


def a_store_with(run: Run) -> MemoryStore:
    store = MemoryStore()
    store.documents["campaign/friday-1"] = {"run": run.as_document(), "state": "open"}
    return store


def test_who_has_looked_may_say_that_a_run_is_over_of_which_nobody_can_tell() -> None:
    store = a_store_with(IN_A_CONTAINER)
    assert seen_by(store.documents, HERE)(IN_A_CONTAINER) is RunState.UNKNOWN
    assert declare_over(store, IN_A_CONTAINER.id, HERE, "the job was removed", "ann on ctl") == IN_A_CONTAINER
    assert seen_by(store.documents, HERE)(IN_A_CONTAINER) is RunState.OVER
    told = store.documents[f"run/{IN_A_CONTAINER.id}"]
    assert (told["reason"], told["by"]) == ("the job was removed", "ann on ctl")


def test_a_run_that_is_alive_cannot_be_called_over() -> None:
    store = a_store_with(HERE)
    with pytest.raises(PresenceError, match=r"is alive: PID .* End it first"):
        declare_over(store, HERE.id, HERE, "I am tired of it", "ann on ctl")


def test_a_run_is_not_called_over_without_a_reason() -> None:
    with pytest.raises(PresenceError, match="Say how you know"):
        declare_over(a_store_with(IN_A_CONTAINER), IN_A_CONTAINER.id, HERE, " ", "ann on ctl")


def test_a_run_that_the_store_does_not_know_is_named_with_those_it_does() -> None:
    with pytest.raises(PresenceError, match=f"of a run typo; there are: {HERE.id}"):
        declare_over(a_store_with(HERE), "typo", HERE, "gone", "ann on ctl")


def test_a_run_that_was_declared_over_is_told_so_when_it_asks_next() -> None:
    store = a_store_with(IN_A_CONTAINER)
    announce(store, IN_A_CONTAINER)
    declare_over(store, IN_A_CONTAINER.id, HERE, "the job was removed", "ann on ctl")
    with pytest.raises(
        DeclaredOverError, match=r"ann on ctl has said that this run, .* is over \(the job was removed\)"
    ):
        announce(store, IN_A_CONTAINER)
