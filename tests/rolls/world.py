"""What a random roll is about, made from its number alone: services, how their units behave, and what goes wrong when.

Nothing here touches a host; :mod:`stage` does what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOSTS = ("h1", "h2", "h3", "h4", "h5", "h6")
SERVICES = ("alpha", "beta", "gamma")
BUDGETS: tuple[int | str, ...] = (1, 2, 3, "25%", "34%", "50%", "50%")
BAD = "/var/tmp/bad"
"""A folder of flags: a unit whose name is there does not start, as its kind says."""

_SLEEP = "ExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep infinity'"
_NOTIFY = f"Type=notify\nNotifyAccess=all\n{_SLEEP}\n"
KINDS = {
    "plain": "Type=exec\nExecStart=/bin/sleep infinity\n",
    "tells": _NOTIFY,
    "starts slowly": f"{_NOTIFY}ExecStartPre=/bin/sleep 1.5\n",
    "stops slowly": f"{_NOTIFY}ExecStop=/bin/sleep 1\n",
    "is deaf": "Type=exec\nExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'\nTimeoutStopSec=1\n",
    "fails": f"{_NOTIFY}ExecStartPre=/bin/sh -c '! test -e {BAD}/%n'\n",
    "hangs": f"{_NOTIFY}ExecStartPre=/bin/sh -c 'while test -e {BAD}/%n; do sleep 0.1; done'\nTimeoutStartSec=3\n",
    "crashes": (
        f"Type=exec\nExecStart=/bin/sh -c 'if test -e {BAD}/%n; then sleep 0.5; exit 3; fi; exec sleep infinity'\n"
    ),
}
"""How a unit starts and stops; the last three only where their flag is set."""
FLAGGED = ("fails", "hangs", "crashes")

WELL, MASKED, OFF, STOPPED, FAILED, REFUSES = "well", "masked", "off", "stopped", "failed", "refuses"
"""How a unit is when the roll begins: it runs; runs and is masked; stopped and disabled; stopped by hand; failed by
itself; runs and refuses to be stopped by hand."""
NOT_SETTLED = (MASKED, OFF, REFUSES)
"""What a roll leaves alone for good."""

RESTART, ALL, UPGRADE = "rolling_restart", "restart_services", "upgrade"
KILL_HOST, POWEROFF, KILL_UNIT, KILL_RUN = (
    "kill a host",
    "power off a host",
    "kill a unit",
    "kill the controller",
)


@dataclass(frozen=True)
class Service:
    """A service, its units in restart order, its hosts, and what it comes after."""

    name: str
    hosts: tuple[str, ...]
    units: tuple[str, ...]
    budget: int | str
    after: tuple[str, ...] = ()

    @property
    def slots(self) -> int:
        """Give how many of its hosts may be down, as the documentation has it: rounded down, at least one."""
        if isinstance(self.budget, int):
            return self.budget
        return max(1, len(self.hosts) * int(self.budget.rstrip("%")) // 100)


@dataclass(frozen=True)
class Place:
    """A unit on a host."""

    kind: str
    condition: str
    is_asked: bool
    is_flagged: bool = False
    lines: tuple[str, ...] = ()
    """What it has to do with other units there, for its section [Unit]."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong, to which host or unit, so many seconds after the first wave has begun."""

    what: str
    host: str
    unit: str
    delay: float


@dataclass(frozen=True)
class World:
    """All of it. *places* are units by host and name, also units of no service that others hang on."""

    number: int
    services: tuple[Service, ...]
    places: Mapping[tuple[str, str], Place]
    playbook: str
    only: tuple[str, ...] = ()
    fault: Fault | None = None
    again: bool = False
    """Whether it is run again before anything was put right."""

    def __str__(self) -> str:
        """Say it in a line."""
        services = ", ".join(f"{each.name} {len(each.hosts)}/{each.budget}" for each in self.services)
        asked = sum(each.is_asked for each in self.places.values())
        odd = sorted({each.condition for each in self.places.values()} - {WELL})
        odd += sorted({each.kind for each in self.places.values() if each.is_flagged})
        words = f"{self.playbook} of {services}; {asked} pending"
        return "; ".join(filter(None, [words, ", ".join(odd), self.fault.what if self.fault else ""]))

    def units_on(self, host: str) -> dict[str, Place]:
        """Give what is on a host."""
        return {unit: place for (where, unit), place in self.places.items() if where == host}

    def service_of(self, unit: str) -> Service | None:
        """Tell whose unit it is."""
        return next((each for each in self.services if unit in each.units), None)


@dataclass
class _Making:
    """A world in the making."""

    dice: Random
    services: tuple[Service, ...]
    lines: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Units of no service, with their hosts."""

    def drag(self, host: str, unit: str, line: str, of: str) -> None:
        self.lines.setdefault((host, unit), []).extend((f"{line}={of}", f"After={of}"))


def make(seed: int, number: int) -> World:
    """Make the world of a number."""
    dice = Random(f"{seed}/{number}")  # noqa: S311 - a game, and it must be the same again
    playbook = dice.choices((RESTART, ALL, UPGRADE), (6, 2, 2))[0]
    services = _services(dice)
    making = _Making(dice, services)
    _let_workers_follow(making)
    if playbook != UPGRADE:
        dice.choice((_nothing, _nothing, _across, _levels))(making)
    only = tuple(dice.sample([each.name for each in services], 1)) if dice.random() < 0.2 else ()
    return World(
        number, services, _places(making), playbook, only, _fault(dice, services), again=dice.random() < 0.4
    )


def _services(dice: Random) -> tuple[Service, ...]:
    names = SERVICES[: dice.choices((1, 2, 3), (4, 4, 2))[0]]
    made = []
    for position, name in enumerate(names):
        hosts = tuple(sorted(dice.sample(HOSTS, dice.choice((2, 3, 3, 4, 5, 6)))))
        units = (f"{name}.service", f"{name}-worker.service")[: dice.choice((1, 1, 2))]
        after = (names[position - 1],) if position and dice.random() < 0.3 else ()
        made.append(Service(name, hosts, units, dice.choice(BUDGETS), after))
    return tuple(made)


def _nothing(_making: _Making) -> None:
    """Let nothing else hang together."""


def _let_workers_follow(making: _Making) -> None:
    """Let the second unit of a service follow the first one, sometimes."""
    for service in making.services:
        if len(service.units) > 1 and making.dice.random() < 0.6:
            line = making.dice.choice(("PartOf", "BindsTo", "Requires"))
            for host in service.hosts:
                making.drag(host, service.units[1], line, service.units[0])


def _across(making: _Making) -> None:
    """Let a unit of one service be dragged by one of another."""
    if len(making.services) > 1:
        first, second = making.dice.sample(making.services, 2)
        line = making.dice.choice(("PartOf", "BindsTo", "Requires"))
        for host in sorted({*first.hosts} & {*second.hosts}):
            making.drag(host, second.units[0], line, first.units[0])


def _levels(making: _Making) -> None:
    """Let a service hang on a unit of nobody, over one more unit of nobody."""
    service = making.dice.choice(making.services)
    making.extra |= {"base.service": service.hosts, "middle.service": service.hosts}
    for host in service.hosts:
        making.drag(host, "middle.service", making.dice.choice(("Requires", "BindsTo")), "base.service")
        making.drag(host, service.units[0], making.dice.choice(("PartOf", "Requires")), "middle.service")


def _places(making: _Making) -> dict[tuple[str, str], Place]:
    """Say of every unit how it is; most are well, as elsewhere."""
    dice, places = making.dice, {}
    dragging = {line.partition("=")[2] for lines in making.lines.values() for line in lines}
    asked, flagged, odd = dice.choice((0.3, 0.5, 1.0)), dice.choice((0.0, 0.4)), dice.choice((0.0, 0.15))
    for service in making.services:
        for host in service.hosts:
            for unit in service.units:
                kind = dice.choice(tuple(KINDS))
                # What others hang on is well: one that never came up would only keep the others down.
                hung = unit in dragging or (host, unit) in making.lines
                condition = WELL
                if not hung and dice.random() < odd:
                    condition = dice.choice((MASKED, OFF, STOPPED, FAILED, REFUSES))
                places[host, unit] = Place(
                    kind,
                    condition,
                    condition not in (OFF, STOPPED) and dice.random() < asked,
                    kind in FLAGGED and dice.random() < flagged,
                    tuple(making.lines.get((host, unit), ())),
                )
    for unit, hosts in making.extra.items():
        for host in hosts:
            lines = tuple(making.lines.get((host, unit), ()))
            places[host, unit] = Place("tells", WELL, dice.random() < asked / 2, lines=lines)
    return places


def _fault(dice: Random, services: Sequence[Service]) -> Fault | None:
    what = dice.choices(
        ("", KILL_RUN, KILL_HOST, POWEROFF, KILL_UNIT), (50, 20, 12, 6, 12)
    )[0]  # fmt: skip
    service = dice.choice(services)
    fault = Fault(what, dice.choice(service.hosts), dice.choice(service.units), dice.uniform(0, 10))
    return fault if what else None
