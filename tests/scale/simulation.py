"""A large upgrade in one process: the real planner, gates, journal and locks, in a real SQLite store.

Only Ansible and its hosts are played here. Hosts fail and controllers die at random; the upgrade is then resumed until
it is complete, and everything in its plan must have been done once. Cost is counted in calls of functions, which no
busy machine changes. Run as ``tests/env python tests/scale/simulation.py [HOSTS [SERVICES [FAULTS]]]``.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import GateError
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.upgrade_run import UpgradeRun
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_world import process

if TYPE_CHECKING:
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


@dataclass
class Simulation:
    """An upgrade that has not come to its end, and what was done in it."""

    plan: Plan
    store: Store
    faults: Counter[str]  # plays in which something goes wrong, and how often
    runs: int = 0
    done: Counter[Piece] = field(default_factory=Counter)
    calls: dict[str, int] = field(default_factory=dict)  # of the gates of each play

    def upgrade(self, most_runs: int) -> bool:
        """Run the command again until everything is done; tell whether it came to that."""
        return any(self._run() for _again in range(most_runs))

    def _run(self) -> bool:
        """Play one run as Ansible would, until a play is refused; tell whether it came to the end."""
        self.runs += 1
        with process() as pid:
            run = UpgradeRun(
                self.plan, self.store, this_run(pid), Selection(), rehearsal=False, say=lambda _line: None
            )
            left = run.open()["left"]
            for play in self.plan.plays:
                hosts = [
                    host for host in left.get(play.id, ",".join(play.hosts)).split(",") if host in play.hosts
                ]
                if hosts and not self._play(run, play, hosts):
                    return False
        return True

    def _play(self, run: UpgradeRun, play: Play, hosts: list[str]) -> bool:
        """Pass a play's gates with some hosts; tell whether the run goes on."""
        counter = CallCounter()
        with counter:
            try:
                granted = run.enter(play.id, hosts, wait=0)["granted"]
            except (GateError, LockError):
                return False
        lost = set()
        if granted and self.faults[play.id]:
            self.faults[play.id] -= 1
            lost = {next(iter(granted.values()))[0]}
            if self.faults[play.id] % 2:  # the controller dies, and records nothing
                return False
        with counter:
            done = run.finish(play.id, set(hosts) - lost)["done"]
        self.done.update((play.part(name), host) for name, members in done.items() for host in members)
        self.calls[play.id] = counter.calls
        return True


class CallCounter:
    """Counts the calls of functions while it is entered."""

    def __init__(self) -> None:
        self.calls = 0

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self.calls += event in ("call", "c_call")

    def __enter__(self) -> None:
        sys.setprofile(self._count)

    def __exit__(self, *_raised: object) -> None:
        sys.setprofile(None)


def pieces(plan: Plan) -> set[Piece]:
    """Give all that a plan does."""
    return {
        (play.part(name), host)
        for play in plan.plays
        for name, hosts in play.services.items()
        for host in hosts
    }


def simulate(hosts: int, services: int, faults: int) -> Simulation:
    """Upgrade a fleet whose runs go wrong so many times, at random plays."""
    plan = draw_plan(hosts, services)
    dice = random.Random(faults)  # noqa: S311 - no secret
    spread = Counter(dice.choice(plan.plays).id for _fault in range(faults))
    with tempfile.TemporaryDirectory() as folder, closing(open_store(f"sqlite://{folder}/store.db")) as store:
        simulation = Simulation(plan, store, spread)
        simulation.upgrade(most_runs=faults + 2)
        return simulation


def cost(simulation: Simulation) -> float:
    """Give the calls of the dearest gate for each piece of the plan."""
    return max(simulation.calls.values()) / len(pieces(simulation.plan))


def main(hosts: int = 1000, services: int = 100, faults: int = 10) -> int:
    """Simulate one size, and say what came of it."""
    simulation = simulate(hosts, services, faults)
    todo = pieces(simulation.plan)
    wrong = [piece for piece in todo if simulation.done[piece] != 1]
    print(
        f"{hosts:,} hosts, {services} services: {len(simulation.plan.plays):,} plays with {len(todo):,} pieces of work "
        f"in {simulation.runs} runs, {len(wrong)} not done once; the dearest gate makes {cost(simulation):.1f} calls "
        "for each piece"
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
