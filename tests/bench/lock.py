"""Measure the rolling lock in its stores: acquire, release, and how long a slot takes from one waiter to the next.

SQLite is set against a bare transaction of the same database. Etcd is real, with one member and with three, on
loopback and one disk. Every figure is a median over many runs on this machine, which says how busy it was. A
playbook opens the store once for every task, so the first rows do; the others keep it open. The runs of this file
look at the locks as the processes of playbooks do, each with a connection of its own.

Run: python tests/bench/lock.py [RUNS [WAITERS]]
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).parents[2] / folder) for folder in (".build", "tests/etcd")]

from ansible_collections.orderly.services.plugins.plugin_utils._lock_request import (  # noqa: E402 - found above
    Claim,
    Request,
)
from ansible_collections.orderly.services.plugins.plugin_utils._presence import (  # noqa: E402
    PREFIX as RUNS,
)
from ansible_collections.orderly.services.plugins.plugin_utils._presence import document_of  # noqa: E402
from ansible_collections.orderly.services.plugins.plugin_utils._rolling import (  # noqa: E402
    acquire,
    release,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run import RunState, this_run  # noqa: E402
from ansible_collections.orderly.services.plugins.plugin_utils._store import open_store  # noqa: E402
from real_etcd import Etcd  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.queues import Queue

    from ansible_collections.orderly.services.plugins.plugin_utils._run import Run
    from ansible_collections.orderly.services.plugins.plugin_utils._store import Store

GOALS = {"acquire": 6.0, "release": 3.0, "hand-over": 15.0}  # ms
Times = dict[str, list[float]]


@dataclass(frozen=True)
class Shape:
    """A fleet: so many services, each on so many hosts; a wave of some hosts takes slots of some services."""

    name: str
    services: int
    hosts: int
    wave: int
    claims: int

    def request(self, number: int) -> Request:
        members = frozenset(f"host{n}" for n in range(self.hosts))
        hosts = frozenset(f"host{n}" for n in range(self.wave))
        claims = tuple(Claim(f"service{n}", hosts, members, self.wave) for n in range(self.claims))
        return Request(f"roll{number}", this_run(), "benchmark", claims)

    def register(self, store: Store) -> None:
        members = frozenset(f"host{n}" for n in range(self.hosts))
        for n in range(self.services):
            request = Request("fill", this_run(), "fill", (Claim(f"service{n}", frozenset(), members, 1),))
            acquire(store, request)


SHAPES = (
    Shape("1 service on 5 hosts, waves of 1", services=1, hosts=5, wave=1, claims=1),
    Shape("20 services on 100 hosts, waves of 10 in 4 services", services=20, hosts=100, wave=10, claims=4),
)


class Bare:
    """What SQLite needs at least: read one row, replace it, and be sure that it is on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection: sqlite3.Connection | None = None
        self.connect().execute("CREATE TABLE documents (key TEXT PRIMARY KEY, body TEXT)")

    def connect(self) -> sqlite3.Connection:
        if self.connection is None:
            self.connection = sqlite3.connect(self.path, isolation_level=None)
            self.connection.execute("PRAGMA synchronous = FULL")
        return self.connection

    def replace(self, body: str) -> None:
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT body FROM documents").fetchall()
        connection.execute("INSERT OR REPLACE INTO documents VALUES ('lock', ?)", (body,))
        connection.execute("COMMIT")

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def timed(times: list[float], function: Callable[[], object]) -> None:
    start = time.perf_counter()
    function()
    times.append((time.perf_counter() - start) * 1000)


def turns(
    store: Store, request: Request, floor: Callable[[], object] | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    if floor:
        yield "bare transaction", floor
    yield "acquire", partial(acquire, store, request)
    yield "release", partial(release, store, request.roll, request.run, request.hosts)


def measure(shape: Shape, runs: int, url: str, bare: Bare | None, *, keep_open: bool) -> Times:
    """Take turns, so that whatever else the machine does meets all of them alike."""
    times: Times = {}
    with closing(open_store(url)) as store:
        shape.register(store)
        floor = partial(bare.replace, json.dumps(store.read("lock/service0"))) if bare else None
        for number in range(runs):
            for name, turn in turns(store, shape.request(number), floor):
                if not keep_open:
                    store.close()
                if bare and not keep_open:
                    bare.close()
                timed(times.setdefault(name, []), turn)
    return times


# --- From one waiter to the next ---


def in_line(number: int) -> Request:
    """Ask for the only slot of a service, for a host of one's own."""
    members = frozenset(f"host{n}" for n in range(1000))
    claim = Claim("line", frozenset({f"host{number}"}), members, 1)
    return Request(f"waiter{number}", this_run(), "benchmark", (claim,))


def be_seen(store: Store, run: Run) -> None:
    """Say that a run is alive, as its keeper does: a hundred keepers on one machine would be measured too."""
    key = RUNS + run.id
    if store.shared:
        store.transact((RUNS,), lambda _documents: ({key: document_of(run, RunState.LIVE)}, None))


def wait_in_line(url: str, number: int, told: Queue[float]) -> None:
    """Be one of many runs that want the slot: wait for it, and give it back at once."""
    with closing(open_store(url)) as store:
        request = in_line(number)
        be_seen(store, request.run)
        acquire(store, request)
        told.put(time.monotonic())
        release(store, request.roll, request.run, request.hosts)


def hand_over(url: str, waiters: int) -> list[float]:
    """Let many processes wait for one slot, then time how long it takes from each to the next."""
    context = get_context("fork")
    told: Queue[float] = context.Queue()
    with closing(open_store(url)) as store:
        holder = in_line(999)
        be_seen(store, holder.run)
        acquire(store, holder)
        crowd = [context.Process(target=wait_in_line, args=(url, n, told)) for n in range(waiters)]
        for number, process in enumerate(crowd, 1):  # they come one by one, as people do
            process.start()
            while len(store.read("lock/line")["lock/line"]["queue"]) < number:
                time.sleep(0.01)
        began = time.monotonic()
        release(store, holder.roll, holder.run, holder.hosts)
        granted = [began, *sorted(told.get(timeout=120) for _waiter in crowd)]
        for process in crowd:
            process.join()
    return [(after - before) * 1000 for before, after in pairwise(granted)]


# --- What there is to say ---


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, Callable[[str], str]]]:
    """Start every kind of store; each gives URLs of stores of their own, by name."""
    with Etcd(1) as one, Etcd(3) as three:
        yield {
            "SQLite": lambda name: f"sqlite://{folder}/{name}.db",
            "etcd, 1 node": one.url,
            "etcd, 3 nodes": three.url,
        }


def report(title: str, times: Times) -> bool:
    floor = median(times["bare transaction"]) if "bare transaction" in times else None
    print(f"\n{title}; load {os.getloadavg()[0]:.1f}")
    print(f"  {'':18}{'median':>9}{'95th':>12}{'ratio':>8}{'goal':>10}")
    for name, each in times.items():
        goal = GOALS.get(name)
        ratio = f"{median(each) / floor:8.1f}" if floor else f"{'':8}"
        verdict = "" if goal is None else f"{goal:7.1f} ms {'met' if median(each) <= goal else 'MISSED'}"
        print(f"  {name:18}{median(each):6.2f} ms{quantiles(each, n=20)[-1]:9.2f} ms{ratio}{verdict}")
    return all(median(each) <= GOALS.get(name, float("inf")) for name, each in times.items())


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    waiters = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    met = []
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as kinds:
        for kind, url in kinds.items():
            for number, (shape, keep_open) in enumerate((s, k) for s in SHAPES for k in (False, True)):
                bare = Bare(Path(folder) / f"bare{number}.db") if kind == "SQLite" else None
                times = measure(shape, runs, url(f"shape{number}"), bare, keep_open=keep_open)
                opened = "kept open" if keep_open else "opened for each"
                met.append(report(f"{kind}: {shape.name}; store {opened}; {runs} runs", times))
            waited = hand_over(url("line"), waiters)
            met.append(report(f"{kind}: {waiters} waiters for one slot", {"hand-over": waited}))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
