from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import (
    RefusedError,
    acquire,
    preview,
    release,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Request
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import (
    announce,
    document_of,
    leave,
    runs_in,
    seen_by,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd_client import parse_address
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    PREFIX,
    Document,
    Rehearsal,
    StoreError,
    open_store,
)

from .store_world import (
    ELSEWHERE,
    HERE,
    hold,
    process,
    state_elsewhere,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd import EtcdStore
    from real_etcd import Etcd

HOSTS = frozenset({"h1", "h2"})


# --- What is seen ---


def test_what_a_machine_sees_of_its_own_processes_comes_first() -> None:
    documents = {PREFIX + HERE.id: document_of(HERE, RunState.OVER)}
    assert seen_by(documents, HERE)(HERE) is RunState.LIVE
    assert seen_by(documents, ELSEWHERE)(HERE) is RunState.OVER
    assert seen_by({}, ELSEWHERE)(HERE) is RunState.UNKNOWN


@pytest.mark.parametrize("document", [{}, {"state": "asleep"}])
def test_a_broken_word_is_refused_and_named(document: Document) -> None:
    with pytest.raises(StoreError, match=rf'"run/{HERE.id}" in the store is broken, and was left as it is'):
        seen_by({PREFIX + HERE.id: document}, ELSEWHERE)(HERE)


# --- The keeper ---


def test_a_run_has_one_keeper(etcd: Etcd, store: EtcdStore) -> None:
    before = set(etcd.keepers())
    with process() as run:
        announce(store, run)
        announce(store, run)
        assert len(set(etcd.keepers()) - before) == 1


def test_nobody_is_announced_in_a_rehearsal_nor_in_a_store_of_one_machine(
    store: EtcdStore, tmp_path: Path
) -> None:
    with process() as run:
        announce(Rehearsal(store), run)
        announce(open_store(f"sqlite://{tmp_path}/store.db"), run)
    assert store.read("") == {}


def test_a_run_that_cannot_be_announced_is_told_why(
    store: EtcdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(StoreError, match=r"cannot be announced in the store .*, so others would not wait"):
        announce(store, HERE)


# --- What is forgotten ---


def test_a_word_is_kept_as_long_as_something_belongs_to_its_run(store: EtcdStore) -> None:
    runs = [replace(HERE, pid=n) for n in range(3)]
    hold(store, runs[0])
    write(store, "campaign/1", {"run": runs[1].as_document()})
    for run in runs:
        write(store, PREFIX + run.id, document_of(run, RunState.LIVE))
        leave(store, run)
    assert sorted(store.read(PREFIX)) == sorted(PREFIX + run.id for run in runs[:2])
    store.transact(("lock/", "campaign/"), lambda documents: (dict.fromkeys(documents), None))
    leave(store, runs[2])
    assert store.read("") == {}


def test_a_run_leaves_at_once_whatever_others_do_meanwhile(
    etcd: Etcd, store: EtcdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(store, HERE)
    commit, made = store._commit, []

    def beside(*arguments: Any) -> Any:
        if not made:
            with closing(open_store(etcd.url(parse_address(store.url).prefix))) as theirs:
                theirs.transact(("lock/",), lambda _documents: ({"lock/db": {"holders": {}}}, None))
        newer = commit(*arguments)
        made.append(newer is None)
        return newer

    monkeypatch.setattr(store, "_commit", beside)
    leave(store, HERE)
    assert made == [True]
    assert state_elsewhere(store, HERE) is RunState.OVER


def test_every_run_in_a_document_is_found() -> None:
    waiting, holding = replace(HERE, pid=1), replace(HERE, pid=2)
    lock = {"holders": {"h": {"run": holding.as_document()}}, "queue": [{"run": waiting.as_document()}]}
    assert set(runs_in({"lock/web": lock, "journal/x": {"run": HERE.as_document()}})) == {waiting, holding}


# --- What it is for ---


def request(run: Run, host: str) -> Request:
    return Request(f"roll {run.id}", run, "restart", (Claim("web", frozenset({host}), HOSTS, 1),))


@pytest.fixture
def elsewhere(store: EtcdStore) -> Request:
    """Have a run on another machine hold the only slot."""
    other = request(ELSEWHERE, "h1")
    store.store_id()
    store.lend(PREFIX + ELSEWHERE.id, document_of(ELSEWHERE, RunState.LIVE), seconds=600)
    acquire(store, other)
    return other


def test_a_run_that_is_alive_elsewhere_is_waited_for(store: EtcdStore, elsewhere: Request) -> None:
    def give_back(*_anything: object) -> None:
        with closing(open_store(store.url)) as other:
            release(other, elsewhere.roll, elsewhere.run, ["h1"])

    grant = acquire(store, request(HERE, "h2"), progress=give_back)
    assert grant.slots == {"h2": ["web"]}


def test_a_slot_of_a_run_that_is_over_elsewhere_goes_to_the_next_run_with_its_host(
    store: EtcdStore, elsewhere: Request
) -> None:
    leave(store, elsewhere.run)
    with pytest.raises(RefusedError, match="spent by hosts that did not finish: h1"):
        acquire(store, request(HERE, "h2"))
    assert acquire(store, request(HERE, "h1")).slots == {"h1": ["web"]}


def test_a_run_that_nobody_has_heard_of_is_refused_with_how_to_force(
    etcd: Etcd, store: EtcdStore, elsewhere: Request
) -> None:
    etcd.expire(f"/{store.prefix}/documents/run/{elsewhere.run.id}")
    with pytest.raises(
        RefusedError, match="It is unknown here whether the holder is still working: h1"
    ) as refused:
        acquire(store, request(HERE, "h2"))
    assert "state=force_released, services=[web], hosts=[h1]" in str(refused.value)


@pytest.mark.usefixtures("elsewhere")
def test_check_mode_shows_nobody_a_run(store: EtcdStore) -> None:
    before = store.read("")
    preview(store, request(HERE, "h2"))
    assert store.read("") == before
