"""What tests of stores that machines share have in common: short ways to write, and runs that others see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    Store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd import EtcdStore
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import (
    seen_by,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    PREFIX,
    Document,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def put(store: Store, key: str, value: object) -> None:
    store.transact((key,), lambda _documents: ({key: {"value": value}}, None))


def increment(store: Store) -> int:
    def decide(documents: dict[str, dict[str, int]]) -> tuple[dict[str, dict[str, int]], int]:
        n = documents.get("n", {"value": 0})["value"] + 1
        return {"n": {"value": n}}, n

    return store.transact(("n",), decide)


HERE = this_run()


ELSEWHERE = replace(HERE, controller="elsewhere")


@contextmanager
def process() -> Iterator[Run]:
    """Have a process that stands for ansible-playbook, until a test kills it."""
    with subprocess.Popen(["sleep", "600"]) as sleeping:
        try:
            yield this_run(sleeping.pid)
        finally:
            sleeping.kill()


def write(store: EtcdStore, key: str, document: Document) -> None:
    store.transact((key,), lambda _documents: ({key: document}, None))


def hold(store: EtcdStore, run: Run, key: str = "lock/web") -> None:
    write(store, key, {"holders": {"h1": {"run": run.as_document()}}})


def state_elsewhere(store: EtcdStore, run: Run) -> RunState:
    return seen_by(store.read(PREFIX), ELSEWHERE)(run)


def wait_until_not_live(store: EtcdStore, run: Run) -> RunState:
    while (state := state_elsewhere(store, run)) is RunState.LIVE:
        store.wait_for_change(60)
    return state
