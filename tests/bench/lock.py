"""Measure the rolling lock in its store: acquire and release, against a bare transaction of the same database.

Every figure is a median over many runs on this machine. A playbook opens the store once for every task, so the
first rows do; the others keep it open. Run as ``python tests/bench/lock.py [RUNS]`` where the collection can be
imported, with ``PYTHONPATH=.build`` say.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._lock_request import Claim, Request
from ansible_collections.orderly.services.plugins.plugin_utils._rolling import acquire, release
from ansible_collections.orderly.services.plugins.plugin_utils._run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.plugins.plugin_utils._store import Store

GOALS = {"acquire": 6.0, "release": 3.0}  # ms
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


def measure(shape: Shape, runs: int, folder: Path, *, keep_open: bool) -> Times:
    """Take turns, so that whatever else the machine does meets all of them alike."""
    times: Times = {"bare transaction": [], "acquire": [], "release": []}
    bare = Bare(folder / "bare.db")
    with closing(open_store(f"sqlite://{folder}/store.db")) as store, closing(bare):
        shape.register(store)
        body = json.dumps(store.read("lock/service0"))
        for number in range(runs):
            request = shape.request(number)
            turns: tuple[Callable[[], object], ...] = (
                partial(bare.replace, body),
                partial(acquire, store, request),
                partial(release, store, request.roll, request.run, request.hosts),
            )
            for taken, turn in zip(times.values(), turns, strict=True):
                if not keep_open:
                    store.close()
                    bare.close()
                timed(taken, turn)
    return times


def report(shape: Shape, runs: int, *, keep_open: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        times = measure(shape, runs, Path(folder), keep_open=keep_open)
    floor = median(times["bare transaction"])
    print(f"\n{shape.name}; store {'kept open' if keep_open else 'opened for each'}; {runs} runs")
    print(f"  {'':18}{'median':>9}{'95th':>9}{'ratio':>8}{'goal':>9}")
    for name, each in times.items():
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"{goal:6.1f} ms {'met' if median(each) <= goal else 'MISSED'}"
        print(
            f"  {name:18}{median(each):6.2f} ms{quantiles(each, n=20)[-1]:6.2f} ms{median(each) / floor:8.1f}{verdict}"
        )
    return all(median(times[name]) <= goal for name, goal in GOALS.items())


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    met = [report(shape, runs, keep_open=keep_open) for shape in SHAPES for keep_open in (False, True)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
