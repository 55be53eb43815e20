"""The keeper of a run, a real process, beside a real store."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run import heartbeat
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import (
    announce,
    declare_over,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState, this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    open_store,
)

from .store_world import (
    ELSEWHERE,
    hold,
    process,
    state_elsewhere,
    wait_until_not_live,
)

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd import EtcdStore
    from real_etcd import Etcd


BUILD = Path(__file__).parents[2] / ".build"


def test_a_run_is_alive_elsewhere_until_it_ends_and_then_over(store: EtcdStore) -> None:
    with process() as run:
        announce(store, run)
        hold(store, run)
        assert state_elsewhere(store, run) is RunState.LIVE
    assert wait_until_not_live(store, run) is RunState.OVER


def test_a_run_that_leaves_nothing_behind_leaves_no_word_either(store: EtcdStore) -> None:
    with process() as run:
        announce(store, run)
    wait_until_not_live(store, run)
    assert store.read("") == {}


def test_a_run_whose_keeper_is_gone_without_a_word_is_unknown(etcd: Etcd, store: EtcdStore) -> None:
    before = set(etcd.keepers())
    with process() as run:
        announce(store, run)
        (keeper,) = set(etcd.keepers()) - before
        os.kill(keeper, signal.SIGKILL)
        etcd.expire(f"/{store.prefix}/documents/run/{run.id}")
    assert state_elsewhere(store, run) is RunState.UNKNOWN


def test_a_run_that_was_declared_over_while_its_keeper_slept_is_ended(etcd: Etcd, store: EtcdStore) -> None:
    before = set(etcd.keepers())
    with process() as run:
        announce(store, run)
        hold(store, run)
        (keeper,) = set(etcd.keepers()) - before
        os.kill(keeper, signal.SIGSTOP)
        etcd.expire(f"/{store.prefix}/documents/run/{run.id}")
        declare_over(store, run.id, ELSEWHERE, "nobody hears of it", "ann on ctl2")
        ended = os.pidfd_open(run.pid)
        os.kill(keeper, signal.SIGCONT)
        assert select.select([ended], [], [], 30)[0]
        os.close(ended)
    assert store.read("run/")[f"run/{run.id}"]["reason"] == "nobody hears of it"


ANNOUNCES = """
import os, sys, time
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import announce
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
announce(open_store(sys.argv[1]), this_run(int(sys.argv[2]) or os.getpid()))
print("said", flush=True)
time.sleep(float(sys.argv[3]))
"""


def announcing(store: EtcdStore, pid: int, seconds: int) -> list[str]:
    return [sys.executable, "-c", ANNOUNCES, store.url, str(pid), str(seconds)]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_what_ends_the_whole_group_of_a_run_does_not_end_its_keeper(
    store: EtcdStore, how: signal.Signals
) -> None:
    with subprocess.Popen(
        announcing(store, 0, 600), env={**os.environ, "PYTHONPATH": str(BUILD)},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as group:  # fmt: skip
        assert group.stdout
        assert group.stdout.readline() == "said\n"
        run = this_run(group.pid)
        hold(store, run)
        os.killpg(group.pid, how)
    assert wait_until_not_live(store, run) is RunState.OVER


def test_the_keeper_keeps_no_output_of_ansible_open(store: EtcdStore) -> None:
    with process() as run:
        done = subprocess.run(  # returns at the end of the output
            announcing(store, run.pid, 0), env={**os.environ, "PYTHONPATH": str(BUILD)},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert done.stdout == "said\n"
        assert state_elsewhere(store, run) is RunState.LIVE


def test_a_keeper_that_was_cut_off_says_again_that_its_run_is_alive(
    etcd: Etcd, store: EtcdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "RENEW_SECONDS", 0.1)
    announced = threading.Event()
    with process() as run:
        own = open_store(store.url)
        keeper = threading.Thread(target=heartbeat.keep, args=(own, run, announced.set))
        keeper.start()
        announced.wait()
        etcd.expire(f"/{store.prefix}/documents/run/{run.id}")
        while state_elsewhere(store, run) is not RunState.LIVE:
            store.wait_for_change(60)
    keeper.join()
    assert store.read("") == {}
