"""What people are told before a roll begins: its waves and why, who is down meanwhile, and what is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

from .._common.text import listed, natural, shortened, with_services
from .._waves.bounds import busiest
from .._waves.lines import Wave, wave_lines
from .._waves.rules import Visit
from .ranks import rank_lines
from .roll import stays_down

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .roll import Roll

RESTART = "restart"


def lines(
    roll: Roll, operation: str = RESTART, *, every_wave: bool = False, together: bool = False
) -> list[str]:
    """Say it, in as few lines as are needed; with *every_wave* there is a line for each of them.

    *together* tells whether hosts wait for the others of their wave.
    """
    visits = [Wave({host: tuple(roll.names(host)) for host in wave}) for wave in roll.waves]
    waves = list(wave_lines(visits, every_wave=every_wave))
    nothing = (
        "Nothing needs to be restarted."
        if operation == RESTART
        else f"{operation}: there are no hosts to visit."
    )
    return [
        *(waves or [nothing]),
        *_why(roll),
        *([] if together else _stretches(roll)),
        *_outages(roll),
        *_down(roll),
        *_left_as_they_are(roll),
        *_held_besides(roll),
        *_not_asked(roll),
        *_skipped(roll),
        *_refusing(roll),
        *_dragged(roll),
        *_left_dragging(roll),
        *_units_without_service(roll),
    ]


# --- Why ---


def _why(roll: Roll) -> Iterator[str]:
    if len(roll.waves) > 1:
        yield f"Why {len(roll.waves)} waves: {', then '.join(_busiest(roll))}."
    placement, visited = roll.fleet.placement, roll.visits.keys()
    if domains := sorted({placement.domains[host] for host in visited & placement.domains.keys()}):
        yield f"One failure domain at a time: {listed(domains)}."
    if roll.sizes and roll.waves:
        given = ", ".join(map(str, roll.sizes))
        yield f"Wave sizes as given: {given} of {len(visited)} hosts; budgets may make them smaller."
    if behind := visited & roll.fleet.held.keys():
        yield f"First, hosts that an earlier run left behind: {listed(shortened(behind))}."
    if last := visited & placement.last:
        yield f"Last of their services: {listed(shortened(last))}."
    yield from rank_lines(roll)


def _busiest(roll: Roll) -> Iterator[str]:
    """Say which services need the waves, one after the other: their hosts, divided by their slots."""
    visits = [Visit(host, tuple(roll.names(host))) for host in roll.order]
    hosts = Counter(name for visit in visits for name in visit.services)
    for name, waves in busiest(visits, roll.rules):
        at_a_time = f"{hosts[name]} hosts, {roll.rules.slots[name]} at a time"
        yield f"{name} takes {waves} ({at_a_time if hosts[name] > 1 else '1 host'})"


def _stretches(roll: Roll) -> Iterator[str]:
    """Say where hosts need not wait for the wave before theirs."""
    ends = list(accumulate(map(len, roll.stretches)))
    if len(ends) == len(roll.waves):
        return
    barriers = listed([str(end) for end in ends[:-1]])
    waves = "wave" if len(ends) == 2 else "waves"
    yield "Each host begins as soon as its slots are free" + (
        f"; after {waves} {barriers} all wait for each other." if barriers else "."
    )


# --- What people should know besides ---


def _outages(roll: Roll) -> Iterator[str]:
    for name, numbers in roll.outages.items():
        members = roll.fleet.members[name]
        when = (
            f"it is down during wave {numbers[0]}"
            if len(numbers) == 1
            else f"it is down in {len(numbers)} waves"
        )
        out = sorted(members & roll.fleet.out_of_service.get(name, {}).keys())
        if len(members) == 1:
            yield f"{name} has no host other than {listed(sorted(members))}: {when}."
        elif out:
            yield f"{name} has no other host to serve, because {listed(shortened(out))} is out of service: {when}."
        else:
            yield f"The budget of {name} allows all its {len(members)} hosts at once: {when}."


def _down(roll: Roll) -> Iterator[str]:
    """Name the members that are down by themselves, and what comes of that."""
    for service in roll.fleet.services:
        hosts = roll.fleet.down.get(service.name, {}) if service.name in roll.names_asked else {}
        for host in sorted(hosts, key=natural):
            units = hosts[host]
            named = listed([str(unit) for unit in units])
            visited = host in roll.visits and service.name in roll.names(host)
            counts = f"it counts against the budget of {service.name}"
            what = (
                "it goes first, as that takes nobody else down"
                if visited and not stays_down(units)
                else f"{counts}, as this roll does not start it: start or disable it"
            )
            yield f"Down before anything was done: {host} ({service.name}): {named}; {what}."


def _left_as_they_are(roll: Roll) -> Iterator[str]:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for host in roll.order:
        for service in roll.visits[host]:
            for unit in roll.fleet.units_of(service, host):
                if unit.is_left:
                    alike[f"{unit}, as {unit.is_left}"].append(host)
    for what, hosts in alike.items():
        yield f"Not started, and left as it is: {what}, on {listed(shortened(hosts))}."


def _held_besides(roll: Roll) -> Iterator[str]:
    if roll.held_besides:
        yield (
            f"Left behind by an earlier run, and not part of this one: {with_services(roll.held_besides)}. They "
            "keep their slots, which count: the playbook orderly.services.recover puts them back."
        )


def _not_asked(roll: Roll) -> Iterator[str]:
    if roll.not_asked:
        yield (
            f"Not looked at, as this run leaves them out: {with_services(roll.not_asked)}. Nobody here knows whether "
            "they are up, so they count as if they were."
        )


def _refusing(roll: Roll) -> Iterator[str]:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for host, units in roll.refusing.items():
        for unit in units:
            alike[f"{unit.name}: {unit.refusal}"].append(host)
    for what, hosts in alike.items():
        yield f"Left pending on {listed(shortened(hosts))}: {what}."


def _skipped(roll: Roll) -> Iterator[str]:
    alike: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for host, services in roll.skipped.items():
        for service, why in services.items():
            alike[why].setdefault(host, []).append(service)
    for why, hosts in alike.items():
        yield f"Out of service and skipped: {with_services(hosts)}: {why}"


def _dragged(roll: Roll) -> Iterator[str]:
    alike: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for host, units in roll.dragged.items():
        for unit, services in units.items():
            alike[unit, services].append(host)
    for (unit, services), hosts in alike.items():
        yield (
            f"Visited for {listed(services)}, too: {listed(shortened(hosts))}, as systemd restarts units of "
            f"{listed(services)} along with {unit}."
        )


def _left_dragging(roll: Roll) -> Iterator[str]:
    alike: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for host, units in roll.left_dragging.items():
        for unit, services in units.items():
            alike[unit, services].append(host)
    for (unit, services), hosts in alike.items():
        yield (
            f"Left pending on {listed(shortened(hosts))}: {unit}, which takes units of {listed(services)} along: it is "
            "restarted by a roll that visits these services there."
        )


def _units_without_service(roll: Roll) -> Iterator[str]:
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, units in roll.units_without_service.items():
        alike[units].append(host)
    for units, hosts in alike.items():
        yield (
            f"Pending, but not part of any service: {' '.join(units)} on {listed(shortened(hosts))}; "
            "a service whose units list them has them restarted in its rolls; without one, the module "
            "orderly.services.restart_services restarts them."
        )
