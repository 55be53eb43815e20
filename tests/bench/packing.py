"""Measure how well waves are packed: how many there are, against the fewest that budgets and order allow.

The bound is that of ``fewest``, with its proof; no packing can do with fewer waves, and it may be that none does with
so few: least so with failure domains, whose turns are a puzzle of their own. Fleets are random, the same each time:
services with budgets of a number or a percentage, on hosts of their own or together on one. Run as
``tests/env python tests/bench/packing.py [FLEETS]``.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._service.budget import slots_of
from ansible_collections.orderly.services.plugins.plugin_utils._waves.bounds import fewest
from ansible_collections.orderly.services.plugins.plugin_utils._waves.nodes import Change
from ansible_collections.orderly.services.plugins.plugin_utils._waves.pack import pack
from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules, Visit
from ansible_collections.orderly.services.plugins.plugin_utils._waves.schedule import make_schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

GOAL = 1.05
BUDGETS = (1, 1, 2, 3, 5, "5%", "10%", "25%", "50%")
Host = str
Services = dict[Host, tuple[str, ...]]


@dataclass(frozen=True)
class Shape:
    """A kind of fleet: so many hosts and services.

    *roles* are kinds of hosts that run the same; without them each host is unlike. In *tiers* services come after those
    of tiers below, and a host runs services of one tier, as web servers and balancers are different hosts.
    """

    name: str
    hosts: int
    services: int
    together: int
    roles: int | None = None
    edges: float = 0.0
    racks: int = 0
    tiers: int = 0


ROLLS = (
    Shape("12 hosts, 4 services", 12, 4, 2),
    Shape("60 hosts, 12 services", 60, 12, 4),
    Shape("60 hosts, 12 services, 3 tiers", 60, 12, 4, edges=0.5, tiers=3),
    Shape("200 hosts, 30 services", 200, 30, 5),
    Shape("200 hosts, 30 services, 4 racks", 200, 30, 5, racks=4),
    Shape("200 hosts, 30 services, 3 tiers, 10 roles", 200, 30, 5, roles=10, edges=0.3, tiers=3),
    Shape("1,000 hosts, 60 services, 20 roles", 1000, 60, 8, roles=20),
)
UPGRADES = (
    Shape("12 hosts, 4 services, ordered", 12, 4, 3, edges=0.3),
    Shape("60 hosts, 12 services, ordered", 60, 12, 4, edges=0.1),
    Shape("60 hosts, 12 services, much ordered", 60, 12, 4, edges=0.4),
    Shape("200 hosts, 30 services, ordered", 200, 30, 5, edges=0.05),
    Shape("200 hosts, 30 services, ordered, 4 racks", 200, 30, 5, edges=0.05, racks=4),
    Shape("1,000 hosts, 60 services, 20 roles, ordered", 1000, 60, 8, roles=20, edges=0.03),
)
SIZES = (100, 1000, 3000, 10000)


@dataclass(frozen=True)
class Fleet:
    """Services on hosts, and what waves of them keep to."""

    on: Services
    rules: Rules

    def each(self) -> Iterable[Visit]:
        """Give every service on every host as a visit of its own."""
        return (Visit(host, (name,)) for host, names in self.on.items() for name in names)


def draw(shape: Shape, dice: random.Random) -> Fleet:
    names = [f"s{number}" for number in range(shape.services)]
    tier = {name: number % shape.tiers if shape.tiers else number for number, name in enumerate(names)}
    befores = {
        name: tuple(n for n in names if tier[n] < tier[name] and dice.random() < shape.edges)
        for name in names
    }

    def some() -> tuple[str, ...]:
        mine = dice.randrange(shape.tiers) if shape.tiers else None
        within = [name for name in names if mine in (None, tier[name])]
        return tuple(dice.sample(within, min(len(within), dice.randint(1, shape.together))))

    kinds = [some() for _role in range(shape.roles or 0)]
    on = {f"h{number}": dice.choice(kinds) if kinds else some() for number in range(shape.hosts)}
    members = Counter(name for services in on.values() for name in services)
    slots = {name: slots_of(dice.choice(BUDGETS), members[name]) for name in names}
    racks = {host: f"r{dice.randrange(shape.racks)}" for host in on} if shape.racks else {}
    return Fleet(on, Rules(slots, befores, racks))


def roll(fleet: Fleet) -> tuple[float, float]:
    """Tell how many waves restarts take over the bound, and how many seconds."""
    start = time.perf_counter()
    waves = pack(fleet.on, fleet.rules)
    seconds = time.perf_counter() - start
    check(fleet, [Counter(name for host in wave for name in fleet.on[host]) for wave in waves])
    return len(waves) / fewest((Visit(*each) for each in fleet.on.items()), fleet.rules), seconds


def upgrade(fleet: Fleet) -> tuple[float, float, float]:
    """Tell how many waves an upgrade takes over the bound, visits of hosts over their longest chains, and seconds."""
    hosts: dict[str, list[str]] = {name: [] for name in fleet.rules.slots}
    for host, names in fleet.on.items():
        for name in names:
            hosts[name].append(host)
    changes = {name: Change(tuple(each), fleet.rules.slots[name]) for name, each in hosts.items() if each}
    start = time.perf_counter()
    schedule = make_schedule(
        {name: fleet.rules.befores[name] for name in fleet.rules.slots}, changes, fleet.rules.domains
    )
    seconds = time.perf_counter() - start
    check(fleet, [Counter({name: len(each) for name, each in wave.items()}) for wave in schedule.waves])
    visits = sum(len({host for each in wave.values() for host in each}) for wave in schedule.waves)
    return (
        len(schedule.waves) / fewest(fleet.each(), fleet.rules),
        visits / sum(longest_chain(names, fleet.rules) for names in fleet.on.values()),
        seconds,
    )


def longest_chain(names: Iterable[str], rules: Rules) -> int:
    """Count how often a host is visited at least: services that come after each other are never changed at once."""
    length: dict[str, int] = {}
    for name in sorted(names, key=lambda name: len(rules.earlier[name])):
        length[name] = 1 + max((length[n] for n in rules.earlier[name] if n in length), default=0)
    return max(length.values())


def check(fleet: Fleet, waves: Iterable[Counter[str]]) -> None:
    """Make sure that no budget is exceeded and nobody forgotten: figures of wrong waves would mean nothing."""
    done: Counter[str] = Counter()
    for wave in waves:
        done.update(wave)
        over = [name for name, count in wave.items() if count > fleet.rules.slots[name]]
        if over:
            raise SystemExit(f"a budget is exceeded: {over}")
    if done != Counter(name for names in fleet.on.values() for name in names):
        raise SystemExit("a host was forgotten")


def report(fleets: int) -> bool:
    """Print the ratios of every shape, and tell whether each of them meets the goal on average."""
    every: list[float] = []
    met = True
    print(f"Waves over the bound, mean and worst of {fleets} fleets of each shape")
    for shape in ROLLS:
        ratios = [roll(draw(shape, random.Random(seed)))[0] for seed in range(fleets)]  # noqa: S311 - no secret
        every += ratios
        met &= mean(ratios) <= GOAL
        print(f"  restarts  {shape.name:46}{mean(ratios):7.3f}{max(ratios):7.2f}")
    for shape in UPGRADES:
        figures = [upgrade(draw(shape, random.Random(seed))) for seed in range(fleets)]  # noqa: S311 - no secret
        ratios = [each[0] for each in figures]
        every += ratios
        met &= mean(ratios) <= GOAL
        visits = mean(each[1] for each in figures)
        print(f"  upgrades  {shape.name:46}{mean(ratios):7.3f}{max(ratios):7.2f}   visits {visits:.2f}")
    print(f"  all of them {'':44}{mean(every):7.3f}{max(every):7.2f}   goal {GOAL} on average")
    return met


def report_growth() -> None:
    print("Seconds against size: 100 services, 1 to 10 on a host, some ordered")
    print(f"  {'hosts':>8}{'restarts':>12}{'ratio':>8}{'upgrades':>12}{'ratio':>8}{'visits':>8}")
    for hosts in SIZES:
        fleet = draw(Shape("", hosts, 100, 10, edges=0.01), random.Random(hosts))  # noqa: S311 - no secret
        plain = Fleet(fleet.on, Rules(fleet.rules.slots))
        ratio, seconds = roll(plain)
        up = upgrade(fleet)
        print(f"  {hosts:8,}{seconds:10.2f} s{ratio:8.3f}{up[2]:10.2f} s{up[0]:8.3f}{up[1]:8.2f}")


def main() -> int:
    met = report(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
    report_growth()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
