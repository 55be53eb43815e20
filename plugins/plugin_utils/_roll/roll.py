"""A roll: which hosts are visited for which services, in which waves, and what cannot be done."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from .._common.errors import ControllerError
from .._common.shell import without
from .._common.text import listed, names_of, natural, shortened
from .._inventory.placement import Placement
from .._service.budget import read_size, slots_of
from .._waves.pack import pack
from .._waves.rules import Rules, Visit
from .._waves.stretches import stretches

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from .._service.service import Service
    from .survey import Unit

    Sizes = tuple[int | str, ...]

    """Sizes of waves given by hand, as :func:`pack` takes them for batches."""

WAVES, SERIAL = "rolling_op_waves", "rolling_op_serial"


class RollError(ControllerError):
    """The roll cannot be planned as it was asked for."""


@dataclass(frozen=True)
class Fleet:
    """What is known before a roll begins.

    *pending* gives each host its pending units, *silent* says of those without an answer why, as in "did not answer";
    *held* gives the services that hosts left behind by an earlier roll still hold slots of; *out_of_service* the
    reasons, by service and host. *units* tells of each host that was asked how the units of its services are,
    *along* which units systemd restarts along with a pending one; *machines* which machine has answered; *ranks* are
    those that roles found out, by service and host.
    """

    services: Sequence[Service]
    groups: Mapping[str, Iterable[str]]
    pending: Mapping[str, Iterable[str]]
    silent: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Iterable[str]] = field(default_factory=dict)
    out_of_service: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    placement: Placement = field(default_factory=Placement)
    units: Mapping[str, Mapping[str, Unit]] = field(default_factory=dict)
    along: Mapping[str, Mapping[str, Iterable[str]]] = field(default_factory=dict)
    machines: Mapping[str, str] = field(default_factory=dict)
    ranks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def asked(self) -> frozenset[str]:
        """Name the hosts of the play."""
        return frozenset({*self.pending, *self.silent, *self.units})

    @cached_property
    def members(self) -> dict[str, frozenset[str]]:
        """Name the hosts of each service."""
        return {service.name: frozenset(self.groups[service.group]) for service in self.services}

    @cached_property
    def down(self) -> dict[str, dict[str, tuple[Unit, ...]]]:
        """Name the members of each service that are down by themselves, with the units that are, by host."""
        found: dict[str, dict[str, tuple[Unit, ...]]] = {}
        for service in self.services:
            for host in self.members[service.name] & self.units.keys():
                units = tuple(unit for unit in self.units_of(service, host) if unit.is_down)
                if units and self.why_out(service.name, host) is None:
                    found.setdefault(service.name, {})[host] = units
        return found

    def units_of(self, service: Service, host: str) -> list[Unit]:
        """List what is known of the units of a service on a host."""
        known = self.units.get(host, {})
        return [known[unit] for unit in service.units if unit in known]

    def deployed(self, host: str) -> tuple[Service, ...]:
        """List the services of a host."""
        return tuple(service for service in self.services if host in self.members[service.name])

    def dragging(self, host: str, units: Iterable[str]) -> dict[str, tuple[Service, ...]]:
        """Give those of some units that drag units of services of the host along, with these services."""
        along = {unit: self.along_with(host, unit) for unit in sorted(units)}
        dragged = {
            unit: tuple(each for each in self.deployed(host) if not names.isdisjoint(each.units))
            for unit, names in along.items()
        }
        return {unit: services for unit, services in dragged.items() if services}

    def along_with(self, host: str, unit: str) -> frozenset[str]:
        """Name the units that systemd restarts along with a unit, pending or not."""
        known = self.units.get(host, {}).get(unit)
        return frozenset((*self.along.get(host, {}).get(unit, ()), *(known.along if known else ())))

    def rules(self, spent: Mapping[str, int]) -> Rules:
        """Give what waves keep to; the lock leaves hosts out of service out of the base of a percentage, too.

        *spent* says how many hosts of each service are down all the time.
        """
        away = {name: frozenset(hosts) for name, hosts in self.out_of_service.items()}
        counted = {name: members - away.get(name, frozenset()) for name, members in self.members.items()}
        slots = {each.name: slots_of(each.max_unavailable, len(counted[each.name])) for each in self.services}
        return Rules(
            {name: max(1, number - spent.get(name, 0)) for name, number in slots.items()},
            {service.name: service.befores for service in self.services},
            self.placement.domains,
            self.placement.last,
            self.ranks,
        )

    def why_out(self, service: str, host: str) -> str | None:
        """Tell why a host is out of service, if it is."""
        return self.out_of_service.get(service, {}).get(host)

    def is_out(self, host: str) -> bool:
        """Tell whether a host is out of service with all that is deployed there."""
        here = [name for name, hosts in self.members.items() if host in hosts]
        return all(self.why_out(name, host) is not None for name in here)


@dataclass(frozen=True)
class Roll:
    """What a roll does: the services that each host is visited for, wave by wave, and what it leaves out."""

    fleet: Fleet
    visits: Mapping[str, tuple[Service, ...]]
    waves: tuple[tuple[str, ...], ...]
    units_without_service: Mapping[str, tuple[str, ...]]  # host -> pending units that belong to no service
    skipped: Mapping[str, Mapping[str, str]]  # host -> why it is out of service, by service
    sizes: Sizes = ()
    rules: Rules = field(default_factory=lambda: Rules({}))
    names_asked: frozenset[str] = frozenset()  # the services that the roll is about
    refusing: Mapping[str, tuple[Unit, ...]] = field(default_factory=dict)  # host -> units left pending
    held_besides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # host -> services not visited
    not_asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # host -> services of its
    left_dragging: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Of hosts the units of no service that stay as they are, as they drag services that the roll leaves out."""
    first: frozenset[str] = frozenset()  # hosts that go before all others
    dragged: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Of hosts the units that drag units of services that were not to be visited there, with these services."""

    @property
    def order(self) -> list[str]:
        """Name the hosts in the order of the waves."""
        return [host for wave in self.waves for host in wave]

    @property
    def stretches(self) -> list[tuple[tuple[str, ...], ...]]:
        """Give the waves that need no barrier between them, together; there is one where people give the sizes.

        Hosts that go before all others, as they are down already, are done before those begin.
        """
        visits = [[Visit(host, tuple(self.names(host))) for host in wave] for wave in self.waves]
        alone = self.order if self.sizes else self.first
        counts = map(len, stretches(visits, self.rules, alone))
        waves = iter(self.waves)
        return [tuple(islice(waves, count)) for count in counts]

    @cached_property
    def outages(self) -> dict[str, tuple[int, ...]]:
        """Give, for each service that nobody serves during some waves, the numbers of these waves."""
        found: dict[str, list[int]] = {}
        away = {name: frozenset(hosts) for name, hosts in self.fleet.out_of_service.items()}
        for number, wave in enumerate(self.waves, 1):
            visited: dict[str, set[str]] = {}
            for host in wave:
                for name in self.names(host):
                    visited.setdefault(name, set()).add(host)
            for name, hosts in visited.items():
                if self.fleet.members[name] <= hosts | away.get(name, frozenset()):
                    found.setdefault(name, []).append(number)
        return {name: tuple(found[name]) for name in sorted(found, key=natural)}

    @cached_property
    def unhealthy(self) -> list[dict[str, list[str]]]:
        """Name, for each wave and for after the last one, the hosts outside of it that are down, with their services.

        A host that was visited is well, or still holds its slots; but what somebody stopped stays down.
        """
        first = {host: number for number, wave in enumerate(self.waves) for host in wave}

        def counts(service: str, host: str, wave: int, units: tuple[Unit, ...]) -> bool:
            visited = host in first and service in self.names(host) and first[host] < wave
            return not visited or stays_down(units)

        found: list[dict[str, list[str]]] = []
        for wave in range(len(self.waves) + 1):
            down: dict[str, list[str]] = {}
            for service, hosts in self.fleet.down.items():
                for host, units in hosts.items():
                    if counts(service, host, wave, units):
                        down.setdefault(host, []).append(service)
            found.append(_in_order(down))
        return found

    def names(self, host: str) -> list[str]:
        """Name the services that a host is visited for."""
        return [service.name for service in self.visits[host]]

    def as_result(self, *, together: bool = False) -> dict[str, Any]:
        """Give plain data for a playbook; *together* tells whether hosts wait for the others of their wave."""
        barriers = [(wave,) for wave in self.waves] if together else self.stretches
        return {
            "order": self.order,
            "batches": [sum(map(len, waves)) for waves in barriers],
            "waves": [{host: self.names(host) for host in wave} for wave in self.waves],
            "visits": {host: [service.as_dict() for service in self.visits[host]] for host in self.order},
            "outages": list(self.outages),
            "pending": _in_order(
                {host: sorted(units, key=natural) for host, units in self.fleet.pending.items() if units}
            ),
            "unhealthy": self.unhealthy,
            "wave_of": {host: number for number, wave in enumerate(self.waves) for host in wave},
            "units_without_service": {
                host: list(units) for host, units in self.units_without_service.items()
            },
            "out_of_service": {host: dict(why) for host, why in self.skipped.items()},
        }


def stays_down(units: Iterable[Unit]) -> bool:
    """Tell whether a visit leaves some of the units that are down as they are."""
    return any(unit.is_left for unit in units)


def plan_roll(
    fleet: Fleet, *, only: Iterable[str] = (), deferred_only: bool, restarts: bool = True, sizes: Sizes = ()
) -> Roll:
    """Plan a visit to the surveyed hosts; raises :class:`RollError` where one did not answer and is not out of service.

    With *deferred_only* a service is visited where a restart of one of its units is pending, else everywhere; *only*
    names the services concerned, empty for all. A host that an earlier roll left behind is visited again before all
    others, for those of these services that it still holds slots of, and so is one that is down, as that disrupts
    nobody. A unit of no service that drags some is restarted with them. A unit of a service that drags units of others
    makes the host be visited for these, too, whether they were named or not; *restarts* tells whether the roll restarts
    units at all. Hosts out of service are skipped.
    """
    _check_all_surveyed(fleet)
    _check_aliases(fleet)
    names = frozenset(only) or frozenset(fleet.members)
    strays = {host: _strays(fleet, host, names) for host in fleet.pending}
    refusing = {host: units for host in fleet.pending if (units := _refusing(fleet, host))}
    visits, skipped = {}, {}
    for host in fleet.pending:
        here = fleet.deployed(host)
        carried = strays[host].carried
        again = frozenset(fleet.held.get(host, ()))
        everything = not deferred_only or host in fleet.silent
        restartable = _restartable(fleet, host)
        due = {s.name for s in here if everything or not restartable.isdisjoint(s.units)}
        due |= {service.name for services in carried.values() for service in services}
        chosen = tuple(service for service in here if service.name in (again | due) & names)
        out = {s.name: why for s in chosen if (why := fleet.why_out(s.name, host)) is not None}
        if out:
            skipped[host] = out
        if len(chosen) > len(out):
            visits[host] = tuple(_with_carried(s, carried) for s in chosen if s.name not in out)
    dragged = _others_dragged(fleet, visits, deferred_only=deferred_only) if restarts else {}
    visits = {host: _with_dragged(fleet, host, own, dragged.get(host, {})) for host, own in visits.items()}
    named = {host: [service.name for service in chosen] for host, chosen in visits.items()}
    rules = fleet.rules(_spent(fleet, named))
    first = _first(fleet, named)
    waves = pack(named, rules, first, sizes)
    return Roll(
        fleet,
        visits,
        waves,
        _in_order({host: each.alone for host, each in strays.items() if each.alone}),
        _in_order(skipped),
        sizes,
        rules,
        names,
        _in_order(refusing),
        _in_order(_held_besides(fleet, named)),
        _in_order(_not_asked(fleet, named)),
        _in_order({host: each.left for host, each in strays.items() if each.left}),
        first,
        _in_order(_names_of(dragged)),
    )


def _first(fleet: Fleet, visits: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Name the hosts that go before all others: those left behind, and those that are down where they are visited."""
    down = (host for name, hosts in fleet.down.items() for host in hosts if name in visits.get(host, ()))
    return frozenset(fleet.held).union(down)


def _names_of(
    dragged: Mapping[str, Mapping[str, Iterable[Service]]],
) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        host: {unit: tuple(service.name for service in services) for unit, services in units.items()}
        for host, units in dragged.items()
        if units
    }


@dataclass(frozen=True)
class Strays:
    """The pending units of a host that are of none of its services: carried by those they drag, left, or alone."""

    carried: Mapping[str, tuple[Service, ...]]
    left: Mapping[str, tuple[str, ...]]
    alone: tuple[str, ...]


def _strays(fleet: Fleet, host: str, names: Container[str]) -> Strays:
    """Sort them; a unit is left where a service that it drags is not part of the roll."""
    units = frozenset(fleet.pending[host])
    stray = units - {unit for service in fleet.deployed(host) for unit in service.units}
    dragging = fleet.dragging(host, stray)
    carried = {unit: services for unit, services in dragging.items() if _all_in(services, names, fleet, host)}
    left = {
        unit: tuple(each.name for each in services)
        for unit, services in dragging.items()
        if unit not in carried
    }
    return Strays(carried, left, tuple(sorted(stray - dragging.keys())))


def _all_in(services: Iterable[Service], names: Container[str], fleet: Fleet, host: str) -> bool:
    """Tell whether all of some services of a host are part of the roll, so that it has slots of them."""
    return all(each.name in names and fleet.why_out(each.name, host) is None for each in services)


def _with_carried(service: Service, carried: Mapping[str, Sequence[Service]]) -> Service:
    """Put the units that drag a service, and no other before it, before its own."""
    units = tuple(unit for unit, services in carried.items() if services[0] == service)
    return replace(service, units=(*units, *service.units)) if units else service


def _refusing(fleet: Fleet, host: str) -> tuple[Unit, ...]:
    """Name the pending units of a host that refuse a restart by hand."""
    pending = frozenset(fleet.pending[host])
    return tuple(unit for unit in fleet.units.get(host, {}).values() if unit.refusal and unit.name in pending)


def _restartable(fleet: Fleet, host: str) -> frozenset[str]:
    return frozenset(fleet.pending[host]) - {unit.name for unit in _refusing(fleet, host)}


def _others_dragged(
    fleet: Fleet, visits: Mapping[str, Sequence[Service]], *, deferred_only: bool
) -> dict[str, dict[str, tuple[Service, ...]]]:
    """Give by host the units that drag units of services that are not visited, with these; who is out, is down."""
    found = {}
    for host, visited in visits.items():
        names = {service.name for service in visited}
        units = {unit for service in visited for unit in service.units}
        units &= _restartable(fleet, host) if deferred_only else units
        dragging = {
            unit: tuple(s for s in services if s.name not in names and fleet.why_out(s.name, host) is None)
            for unit, services in fleet.dragging(host, units).items()
        }
        found[host] = {unit: services for unit, services in dragging.items() if services}
    return found


def _with_dragged(
    fleet: Fleet, host: str, visited: Sequence[Service], dragged: Mapping[str, Sequence[Service]]
) -> tuple[Service, ...]:
    """Let a host be visited for what is dragged, too: of these services just the units that go along."""
    along = {name for unit in dragged for name in fleet.along_with(host, unit)}
    more = {
        service.name: replace(service, units=tuple(unit for unit in service.units if unit in along))
        for services in dragged.values()
        for service in services
    }
    return (*visited, *(more[service.name] for service in fleet.deployed(host) if service.name in more))


def _spent(fleet: Fleet, visits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Count the hosts of each service that are down and stay so, as nobody visits them or as that changes nothing."""
    return {
        service: sum(
            service not in visits.get(host, ()) or stays_down(units) for host, units in hosts.items()
        )
        for service, hosts in fleet.down.items()
    }


def _held_besides(fleet: Fleet, visits: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Name what was left behind and is not visited now: the services, by host."""
    besides = {
        host: tuple(sorted(set(services) - set(visits.get(host, ())), key=natural))
        for host, services in fleet.held.items()
    }
    return {host: services for host, services in besides.items() if services}


def _not_asked(fleet: Fleet, visits: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Name the members of the visited services that the play leaves out, so that nobody knows how they are."""
    concerned = {name for services in visits.values() for name in services}
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(concerned, key=natural):
        for host in fleet.members[name] - fleet.asked:
            if fleet.why_out(name, host) is None:
                found[host] = (*found.get(host, ()), name)
    return found


def _check_aliases(fleet: Fleet) -> None:
    """Raise :class:`RollError` where one machine would count as two members of a service."""
    for service in fleet.services:
        known: dict[str, str] = {}
        members = sorted(fleet.members[service.name] & fleet.machines.keys(), key=natural)
        for host in members:
            if not fleet.units_of(service, host):
                continue
            first = known.setdefault(fleet.machines[host], host)
            if first != host:
                raise RollError(
                    f"Nothing was started: {first} and {host} are two names of one machine, as the same boot of the "
                    f"same system answered for both, and {service.name} would count it as two hosts. Leave one of the "
                    f"names out of the group {service.group}."
                )


def _check_all_surveyed(fleet: Fleet) -> None:
    """Refuse to roll while nobody knows what is pending on a host, and whether it serves."""
    missed = sorted((host for host in fleet.silent if not fleet.is_out(host)), key=natural)
    alike: dict[str, list[str]] = {}
    for host in missed:
        alike.setdefault(fleet.silent[host], []).append(host)
    if missed:
        reasons = "; ".join(f"{listed(shortened(hosts))} {why}" for why, hosts in alike.items())
        raise RollError(
            f"Nothing was started: {reasons}. Bring such a host back; or, if it will be down for long, declare it out "
            "of service (rolling_lock with state=out_of_service and a reason); or exclude it from this run with "
            f"{without(missed)}: its services then have one host fewer "
            "to spare."
        )


def _in_order(by_host: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(by_host.items(), key=lambda item: natural(item[0])))


# --- What people give ---


def read_sizes(waves: Any, serial: Any) -> Sizes:
    """Read ``rolling_op_waves``, sizes of waves, and ``rolling_op_serial``, one for all; raises :class:`RollError`."""
    if waves and serial:
        raise RollError(f"{WAVES} and {SERIAL} both set the sizes of waves; give only one of them.")
    name, given = (WAVES, _listed(waves)) if waves else (SERIAL, [serial] if serial else [])
    try:
        return tuple(map(read_size, given))
    except ValueError as exc:
        expected = (
            "sizes of waves, each a number of hosts (1 or more) or a percentage from 1% to 100% of all hosts of "
            "the roll; the last one repeats, as in -e rolling_op_waves=1,10%,100% (no spaces: -e would cut it "
            "there)"
            if name == WAVES
            else "one number of hosts (1 or more), or a percentage from 1% to 100% of all hosts of the roll"
        )
        raise RollError(f"{name} has {exc}; expected {expected}.") from None


def _listed(waves: Any) -> list[Any]:
    """Read a list, be it in the text that ``-e NAME=VALUE`` makes of it."""
    if isinstance(waves, str) and waves.lstrip().startswith("["):
        try:
            waves = yaml.safe_load(waves)
        except yaml.YAMLError:
            return [waves]
    if isinstance(waves, str):
        return names_of(waves)
    return list(waves) if isinstance(waves, list | tuple) else [waves]
