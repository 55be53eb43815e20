"""A large upgrade in one process: the real planner, gates, journal and locks, in a real store.

Only Ansible and its hosts are played here. Several runs upgrade a part of the fleet each, side by side, and wait for
each other where the order says so. Hosts fail and controllers die at random; the upgrade is then resumed until it is
complete, and everything in its plan must have been done once.

Run as ``tests/env python tests/scale/simulation.py [--etcd] [--services N] [--faults N] [--runs N] [HOSTS…]`` to see
what each size costs: seconds of the processor for each piece of work, as a busy machine changes little of these. SQLite
waits for the disk at each change: ``TMPDIR=/dev/shm`` spares that.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Protocol, Self

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import GateError
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.upgrade_run import UpgradeRun
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_world import process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Play
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

TOGETHER = 5  # services on a host at most
STEPS = frozenset({0, 1, 3, 6})

Piece = tuple[str, str]
"""``SERVICE/PART`` and host."""


def draw_plan(hosts: int, services: int) -> Plan:
    """Compile the upgrade of a fleet, the same each time: a tenth of a service's hosts at once, some in order."""
    dice = random.Random(hosts)  # noqa: S311 - no secret
    names = [f"s{number}" for number in range(services)]
    on = {f"h{number}": dice.sample(names, dice.randint(1, TOGETHER)) for number in range(hosts)}
    deployments = []
    for at, name in enumerate(names):
        members = tuple(host for host, mine in on.items() if name in mine)
        before = (Dependency(names[at - 1]),) if at % 5 == 1 else ()
        service = Service(
            name=name, role=name, path=Path("/roles", name), group=name, after=before, max_unavailable="10%"
        )
        deployments.append(
            Deployment(service, members, STEPS, frozenset({"finalize"} if at % 5 == 2 else ()))
        )
    return compile_plan([each for each in deployments if each.hosts], {})


class Meter(Protocol):
    """Measures what happens while it is entered."""

    cost: float

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_raised: object) -> None:
        """End."""


class CpuMeter:
    """Measures the seconds of the processor, without those of etcd."""

    cost = 0.0

    def __enter__(self) -> Self:
        self.cost -= time.process_time()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.cost += time.process_time()


class CallMeter:
    """Counts the calls of functions, which no busy machine changes; it makes them slow."""

    cost = 0.0

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self.cost += event in ("call", "c_call")

    def __enter__(self) -> Self:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_raised: object) -> None:
        sys.setprofile(None)


@dataclass
class Simulation:
    """An upgrade that has not come to its end, and what was done in it; *meter* measures what a gate costs."""

    plan: Plan
    store: Store
    faults: Counter[str]  # plays in which something goes wrong, and how often
    side_by_side: int = 1
    meter: Callable[[], Meter] = CpuMeter
    runs: int = 0
    done: Counter[Piece] = field(default_factory=Counter)
    costs: dict[str, float] = field(default_factory=dict)  # of the gates of each play, when it was last done
    spent: float = 0  # by all gates

    def upgrade(self, most_rounds: int) -> None:
        """Run the command again until everything is done, so many times at most."""
        parts = parts_of({host for play in self.plan.plays for host in play.hosts}, self.side_by_side)
        todo = len(pieces(self.plan))
        for _again in range(most_rounds):
            if len(self.done) < todo:
                self._round(parts)

    def _round(self, parts: Iterable[Selection]) -> None:
        """Let a run for each part go on, in turns, until none of them gets any further."""
        runs = [self._run(part) for part in parts]
        moved = True
        while moved:
            turns = [(run, next(run, None)) for run in runs]
            runs = [run for run, went_on in turns if went_on is not None]
            moved = any(went_on for _run, went_on in turns)
        for run in runs:
            run.close()

    def _run(self, part: Selection) -> Generator[bool, None, None]:
        """Play one run as Ansible would; tell at each turn whether it has gone on, or waits."""
        self.runs += 1
        with process() as pid:
            run = UpgradeRun(
                self.plan, self.store, this_run(pid), part, rehearsal=False, say=lambda _line: None
            )
            with self.metered() as opened:
                left = run.open()["left"]
            self.costs["open"] = opened.cost
            for play in self.plan.plays:
                hosts = sorted(
                    set(play.hosts).intersection(left.get(play.id, ",".join(play.hosts)).split(","))
                )
                while hosts:
                    done = self._play(run, play, hosts)
                    if done is None:
                        return
                    yield done
                    if done:
                        break

    def _play(self, run: UpgradeRun, play: Play, hosts: list[str]) -> bool | None:
        """Pass a play's gates with some hosts; tell whether the run has passed, or None where it has died."""
        with self.metered() as entered:
            try:
                granted = run.enter(play.id, hosts, wait=0)["granted"]
            except (GateError, LockError):
                return False
        lost = set()
        if granted and self.faults[play.id]:
            self.faults[play.id] -= 1
            lost = {next(iter(granted.values()))[0]}
            if self.faults[play.id] % 2:  # the controller dies, and records nothing
                return None
        with self.metered() as finished:
            done = run.finish(play.id, set(hosts) - lost)["done"]
        self.done.update((play.part(name), host) for name, members in done.items() for host in members)
        self.costs[play.id] = entered.cost + finished.cost
        return True

    @contextmanager
    def metered(self) -> Iterator[Meter]:
        meter = self.meter()
        try:
            with meter:
                yield meter
        finally:
            self.spent += meter.cost


def parts_of(hosts: Collection[str], number: int) -> list[Selection]:
    """Divide a fleet between so many runs; one has all of it, and is not limited."""
    names = sorted(hosts)
    return [Selection(hosts=frozenset(names[at::number]) if number > 1 else None) for at in range(number)]


def pieces(plan: Plan) -> set[Piece]:
    """Give all that a plan does."""
    return {
        (play.part(name), host)
        for play in plan.plays
        for name, hosts in play.services.items()
        for host in hosts
    }


def simulate(
    plan: Plan, url: str, faults: int, side_by_side: int = 1, meter: Callable[[], Meter] = CpuMeter
) -> Simulation:
    """Upgrade a fleet whose runs go wrong so many times, at random plays."""
    dice = random.Random(faults)  # noqa: S311 - no secret
    spread = Counter(dice.choice(plan.plays).id for _fault in range(faults))
    with closing(open_store(url)) as store:
        simulation = Simulation(plan, store, spread, side_by_side, meter)
        simulation.upgrade(most_rounds=faults + 2)
        return simulation


def cost(simulation: Simulation) -> float:
    """Give what the dearest gate costs for each piece of the plan."""
    return max(simulation.costs.values()) / len(pieces(simulation.plan))


def report(hosts: int, services: int, faults: int, side_by_side: int, url: str) -> bool:
    """Simulate one size, and say what came of it; tell whether all was done once."""
    began, used = time.monotonic(), time.process_time()
    plan = draw_plan(hosts, services)
    planned = time.process_time() - used
    simulation = simulate(plan, url, faults, side_by_side)
    todo = pieces(plan)
    wrong = [piece for piece in todo if simulation.done[piece] != 1]
    with closing(open_store(url)) as store:
        largest = max((len(json.dumps(each)), key) for key, each in store.read("").items())
    costs = simulation.costs
    dearest = max(costs.keys() - {"open"}, key=costs.__getitem__)
    print(
        f"{hosts:,} hosts, {services} services: {len(plan.plays):,} plays, {len(todo):,} pieces of work in "
        f"{simulation.runs} runs, {len(wrong)} not done once; {time.monotonic() - began:.0f} s\n"
        f"  processor: plan {planned:.2f} s, opening {costs['open']:.2f} s, a gate {median(costs.values()):.3f} s, the "
        f"dearest {costs[dearest]:.3f} s ({len(plan.play(dearest).hosts)} hosts), all {simulation.spent:.1f} s\n"
        f"  for each host {simulation.spent / hosts * 1000:.2f} ms, of the dearest gate "
        f"{costs[dearest] / hosts * 1e6:.2f} µs; largest document {largest[1]}: {largest[0] // 1024} KiB",
        flush=True,
    )
    return not wrong


def main() -> int:
    """Simulate some sizes, one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("hosts", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--runs", type=int, default=2, help="how many are at work at once")
    parser.add_argument("--etcd", action="store_true", help="in a real etcd, not in SQLite")
    options = parser.parse_args()
    well = True
    for hosts in options.hosts:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = stack.enter_context(Etcd()).url() if options.etcd else f"sqlite://{folder}/store.db"
            well &= report(hosts, options.services, options.faults, options.runs, url)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
