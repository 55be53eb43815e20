"""A roll: which hosts are visited for which services, in which waves, and what cannot be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from .._common.errors import ControllerError
from .._common.shell import without
from .._common.text import listed, names_of, natural, shortened
from .._inventory.placement import Placement
from .._service.budget import read_size, slots_of
from .._waves.pack import pack
from .._waves.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .._service.service import Service

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
    reasons, by service and host.
    """

    services: Sequence[Service]
    groups: Mapping[str, Iterable[str]]
    pending: Mapping[str, Iterable[str]]
    silent: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Iterable[str]] = field(default_factory=dict)
    out_of_service: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    placement: Placement = field(default_factory=Placement)

    @cached_property
    def members(self) -> dict[str, frozenset[str]]:
        """Name the hosts of each service."""
        return {service.name: frozenset(self.groups[service.group]) for service in self.services}

    @cached_property
    def rules(self) -> Rules:
        """Give what waves keep to; the lock leaves hosts out of service out of the base of a percentage, too."""
        away = {name: frozenset(hosts) for name, hosts in self.out_of_service.items()}
        counted = {name: members - away.get(name, frozenset()) for name, members in self.members.items()}
        return Rules(
            {each.name: slots_of(each.max_unavailable, len(counted[each.name])) for each in self.services},
            {service.name: service.befores for service in self.services},
            self.placement.domains,
            self.placement.last,
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

    @property
    def order(self) -> list[str]:
        """Name the hosts in the order of the waves."""
        return [host for wave in self.waves for host in wave]

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

    def names(self, host: str) -> list[str]:
        """Name the services that a host is visited for."""
        return [service.name for service in self.visits[host]]

    def as_result(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        return {
            "order": self.order,
            "batches": [len(wave) for wave in self.waves],
            "waves": [{host: self.names(host) for host in wave} for wave in self.waves],
            "visits": {host: [service.as_dict() for service in self.visits[host]] for host in self.order},
            "outages": list(self.outages),
            "units_without_service": {
                host: list(units) for host, units in self.units_without_service.items()
            },
            "out_of_service": {host: dict(why) for host, why in self.skipped.items()},
        }


def plan_roll(fleet: Fleet, *, only: Iterable[str] = (), deferred_only: bool, sizes: Sizes = ()) -> Roll:
    """Plan a visit to the surveyed hosts; raises :class:`RollError` where one did not answer and is not out of service.

    With *deferred_only* a service is visited where a restart of one of its units is pending, else everywhere; *only*
    names the services concerned, empty for all. A host that an earlier roll left behind is visited again before all
    others, for the services it still holds slots of. Hosts out of service are skipped.
    """
    _check_all_surveyed(fleet)
    names = frozenset(only) or fleet.members.keys()
    visits, units_without_service, skipped = {}, {}, {}
    for host, waiting in fleet.pending.items():
        units = frozenset(waiting)
        here = tuple(service for service in fleet.services if host in fleet.members[service.name])
        again = frozenset(fleet.held.get(host, ()))
        everything = not deferred_only or host in fleet.silent
        due = {s.name for s in here if everything or not units.isdisjoint(s.units)} & names
        chosen = tuple(service for service in here if service.name in again | due)
        out = {s.name: why for s in chosen if (why := fleet.why_out(s.name, host)) is not None}
        if out:
            skipped[host] = out
        if len(chosen) > len(out):
            visits[host] = tuple(service for service in chosen if service.name not in out)
        if stray := tuple(sorted(units - {unit for service in here for unit in service.units})):
            units_without_service[host] = stray
    named = {host: [service.name for service in chosen] for host, chosen in visits.items()}
    waves = pack(named, fleet.rules, tuple(fleet.held), sizes)
    return Roll(fleet, visits, waves, _in_order(units_without_service), _in_order(skipped), sizes)


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
