"""Measure the rolling lock in its stores: acquire, release, and how long a slot takes from one waiter to the next.

SQLite is set against a bare transaction of the same database. Etcd is real, with one member and with three, on
loopback and one disk. A playbook opens the store once for every task, so the first rows do; the others keep it open.
The runs of this file look at the locks as the processes of playbooks do, each with a connection of its own.

Crowds of two sizes wait for one slot; in SQLite, which is for one machine, only the first does. Meanwhile others take
and give back a slot of another service, in turns with an empty store: that must cost no more. Then the slot goes from
each to the next.

Goals are for the median of all runs. Other work on the machine makes every figure worse and none better, so beside it
are the calmest runs (of those in a row, so many at a time, the lowest median), how busy the machine was, and the CPU
time of this program (or of a waiter, from its coming to its end), without that of etcd.

Run: tests/env python tests/bench/lock.py [RUNS [CROWD…]]; with ONLY_ETCD=1, not in SQLite
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import acquire, release
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Request, Waiting
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import document_of
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState, this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import PREFIX as RUNS
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Semaphore

    from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

GOALS = {"acquire": 6.0, "release": 3.0, "hand-over": 15.0}  # ms
CALM_RUNS = 20
CROWDS = (100, 1000)
MEMBERS = frozenset(f"host{n}" for n in range(1001))


@dataclass
class Times:
    """What was timed, in milliseconds; *cpu* is empty where it is not known for each."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, function: Callable[[], object]) -> None:
        start, used = time.perf_counter(), time.process_time()
        function()
        self.wall.append((time.perf_counter() - start) * 1000)
        self.cpu.append((time.process_time() - used) * 1000)

    @property
    def calm(self) -> float:
        rows = range(0, max(1, len(self.wall) - CALM_RUNS + 1), CALM_RUNS)
        return min(median(self.wall[row : row + CALM_RUNS]) for row in rows)


Table = dict[str, Times]


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
            self.connection.execute("PRAGMA synchronous = EXTRA")
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


def give_back(store: Store, request: Request) -> None:
    services = [claim.service for claim in request.claims]
    release(store, request.roll, request.run, request.hosts, services)


def turns(
    store: Store, request: Request, floor: Callable[[], object] | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    if floor:
        yield "bare transaction", floor
    yield "acquire", partial(acquire, store, request)
    yield "release", partial(give_back, store, request)


def measure(shape: Shape, runs: int, url: str, bare: Bare | None, *, keep_open: bool) -> Table:
    """Take turns, so that whatever else the machine does meets all of them alike."""
    table: Table = {}
    with closing(open_store(url)) as store:
        shape.register(store)
        floor = partial(bare.replace, json.dumps(store.read("lock/service0"))) if bare else None
        for number in range(runs):
            for name, turn in turns(store, shape.request(number), floor):
                if not keep_open:
                    store.close()
                if bare and not keep_open:
                    bare.close()
                table.setdefault(name, Times()).take(turn)
    return table


# --- From one waiter to the next ---


def in_line(number: int, service: str = "line") -> Request:
    """Ask for the only slot of a service, for a host of one's own."""
    claim = Claim(service, frozenset({f"host{number}"}), MEMBERS, 1)
    return Request(f"waiter{number}", this_run(), "benchmark", (claim,))


def be_seen(store: Store, run: Run) -> None:
    """Say that a run is alive, as its keeper does: a hundred keepers on one machine would be measured too."""
    key = RUNS + run.id
    if store.shared:
        store.transact((RUNS,), lambda _documents: ({key: document_of(run, RunState.LIVE)}, None))


def wait_in_line(url: str, number: int, queued: Semaphore, told: Queue[float]) -> None:
    """Be one of many runs that want the slot: wait for it, and give it back at once."""
    once = iter([queued])

    def is_queued(_waiting: Waiting, _waited: float) -> None:
        for each in once:
            each.release()

    with closing(open_store(url)) as store:
        request = in_line(number)
        be_seen(store, request.run)
        acquire(store, request, progress=is_queued)
        told.put(time.monotonic())
        give_back(store, request)


def crowded(url: str, quiet_url: str, waiters: int, runs: int) -> Table:
    """Let many processes wait for one slot, time what others do meanwhile, and how long it goes from each to the next.

    What others do is timed in a store without a crowd as well, in turns.
    """
    context = get_context("fork")
    told: Queue[float] = context.Queue()
    queued = context.Semaphore(0)
    used = getrusage(RUSAGE_CHILDREN)
    with closing(open_store(url)) as store, closing(open_store(quiet_url)) as quiet:
        holder = replace(
            in_line(1000), run=this_run(os.getppid())
        )  # another run than the one beside the crowd
        other = replace(in_line(0, "other"), roll="other")
        be_seen(store, holder.run)
        for where in (store, quiet):
            be_seen(where, other.run)
        crowd = [context.Process(target=wait_in_line, args=(url, n, queued, told)) for n in range(waiters)]
        acquire(store, holder)
        for process in crowd:  # they come one by one, as people do
            process.start()
            queued.acquire()
        table: Table = {}
        for _run in range(runs):
            for where, name in ((quiet, ", no crowd"), (store, "")):
                for what, turn in turns(where, other, None):
                    table.setdefault(f"{what}{name}", Times()).take(turn)
        began = time.monotonic()
        give_back(store, holder)
        granted = [began, *sorted(told.get(timeout=120) for _waiter in crowd)]
        for process in crowd:
            process.join()
    now = getrusage(RUSAGE_CHILDREN)
    cpu = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / waiters
    table["hand-over"] = Times([(after - before) * 1000 for before, after in pairwise(granted)], [cpu * 1000])
    return table


# --- What there is to say ---


def etcd_members() -> dict[str, int]:
    """Name the etcd clusters to measure by their sizes; without etcd itself, none but a line why."""
    try:
        program()
    except (OSError, RuntimeError) as exc:
        print(f"\netcd is not measured: {exc}")
        return {}
    return {"etcd, 1 node": 1, "etcd, 3 nodes": 3}


def report(title: str, table: Table) -> bool:
    floor = table["bare transaction"].calm if "bare transaction" in table else None
    print(f"\n{title}; load {os.getloadavg()[0]:.1f}")
    print(f"  {'':18}{'calm':>9}{'median':>12}{'95th':>12}{'CPU':>12}{'ratio':>8}{'goal':>10}")
    for name, times in table.items():
        goal = GOALS.get(name)
        ratio = f"{times.calm / floor:8.1f}" if floor else f"{'':8}"
        verdict = (
            "" if goal is None else f"{goal:7.1f} ms {'met' if median(times.wall) <= goal else 'MISSED'}"
        )
        figures = (median(times.wall), quantiles(times.wall, n=20)[-1], median(times.cpu))
        print(
            f"  {name:18}{times.calm:6.2f} ms{''.join(f'{each:9.2f} ms' for each in figures)}{ratio}{verdict}"
        )
    return all(median(times.wall) <= GOALS.get(name, float("inf")) for name, times in table.items())


def measure_kind(
    kind: str, url: Callable[[str], str], folder: Path, runs: int, crowds: Iterable[int]
) -> bool:
    met = []
    for number, (shape, keep_open) in enumerate((s, k) for s in SHAPES for k in (False, True)):
        bare = Bare(folder / f"bare{number}.db") if kind == "SQLite" else None
        table = measure(shape, runs, url(f"shape{number}"), bare, keep_open=keep_open)
        opened = "kept open" if keep_open else "opened for each"
        met.append(report(f"{kind}: {shape.name}; store {opened}; {runs} runs", table))
    for waiters in crowds:
        table = crowded(url(f"line{waiters}"), url(f"quiet{waiters}"), waiters, runs)
        met.append(report(f"{kind}: {waiters:,} waiters for one slot, and another service", table))
    return all(met)


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    crowds = tuple(map(int, sys.argv[2:])) or CROWDS
    clusters = etcd_members()
    met = True
    if not os.environ.get("ONLY_ETCD"):
        with TemporaryDirectory() as name:
            folder = Path(name)
            met &= measure_kind(
                "SQLite", lambda name: f"sqlite://{folder}/{name}.db", folder, runs, crowds[:1]
            )
    for kind, members in clusters.items():
        with TemporaryDirectory() as name, Etcd(members) as etcd:
            met &= measure_kind(kind, etcd.url, Path(name), runs, crowds)
    return 0 if met and clusters else 1


if __name__ == "__main__":
    sys.exit(main())
