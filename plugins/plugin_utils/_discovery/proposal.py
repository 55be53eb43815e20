"""From what runs on hosts to the services that an inventory could have: which units, packages, hosts, and why not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._common.text import listed, natural, shortened
from .proposed_names import candidates, name_all, stem
from .system_units import reason_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from .._service.service import Service
    from .sightings import Seen, Sighting

PAGE = "http://localhost/"
SHARE = "25%"
FEW_HOSTS = 3  # so many have no quarter that is more than one host
FIRST_PASSING_PORT = 32768  # from here on the kernel gives ports to whoever asks, others at each start


@dataclass(frozen=True)
class Proposed:
    """A service that could be in the inventory: on which hosts, and as what."""

    name: str
    units: tuple[str, ...]
    packages: tuple[str, ...]
    hosts: tuple[str, ...]
    verify: Mapping[str, Any] = field(default_factory=dict)
    deferral: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """Give what ``orderly_services`` says of it."""
        few = len(self.hosts) <= FEW_HOSTS or self.deferral
        return {
            "units": list(self.units),
            **({"packages": list(self.packages)} if self.packages else {}),
            "max_unavailable": 1 if few else SHARE,
            **({"verify": dict(self.verify)} if self.verify else {}),
            **({"deferral": self.deferral} if self.deferral else {}),
        }


@dataclass(frozen=True)
class Proposal:
    """The services to add, the hosts to add to groups, and what people have to know besides."""

    services: tuple[Proposed, ...]
    groups: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Cluster:
    """Units of one package that run on the same hosts."""

    owner: str
    units: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Fleet:
    """What was seen, by host, and what the inventory knows: services, and the hosts of each group."""

    sightings: Mapping[str, Sighting]
    known: Sequence[Service] = ()
    groups: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def hosts(self) -> list[str]:
        """Give the hosts that answered."""
        return sorted(self.sightings, key=natural)

    def known_as(self, seen: Seen, host: str) -> Service | None:
        """Find the service that lists a unit of a host, or one that only groups it; if several do, the host's own."""
        names = {*seen.all_names, *seen.umbrellas}
        found = [each for each in self.known if names.intersection(each.units)]
        return min(found, key=lambda each: host not in self.groups.get(each.group, ()), default=None)

    @cached_property
    def unknown(self) -> dict[str, dict[str, Seen]]:
        """Give the units that no service lists and that can be restarted, and how each is, by host."""
        found: dict[str, dict[str, Seen]] = defaultdict(dict)
        for host in self.hosts:
            for seen in self.sightings[host].units:
                if not seen.refusal and self.known_as(seen, host) is None:
                    found[seen.unit][host] = seen
        return dict(found)

    def members(self, cluster: _Cluster) -> Iterator[tuple[str, list[Seen]]]:
        """Give the units of a cluster, host by host."""
        for host in cluster.hosts:
            yield host, [self.unknown[unit][host] for unit in cluster.units]


def propose(fleet: Fleet) -> Proposal:
    """Propose services for what no service of the inventory is."""
    clusters = _clusters(fleet)
    taken = {*(service.name for service in fleet.known), *fleet.groups.get("all", ())}
    names = name_all((candidates(each.units, each.owner) for each in clusters), taken)
    umbrellas = _umbrellas(fleet, clusters)
    made = [
        _propose(fleet, cluster, name, above)
        for cluster, name, above in zip(clusters, names, umbrellas, strict=True)
    ]
    services = sorted((service for service, _notes in made), key=lambda each: natural(each.name))
    own = {service.name: service.hosts for service in services}
    groups = {**_groups_of_known(fleet), **own}
    lacking = {
        group: hosts for group, hosts in groups.items() if not {*hosts} <= {*fleet.groups.get(group, ())}
    }
    notes = [
        *(note for _service, each in made for note in each),
        *_notes_of_groups(fleet, own),
        *_notes_of_parts(clusters, names),
        *_notes_of_known(fleet),
        *_notes_of_stopped(fleet, services),
        *_notes_of_hosts(fleet),
        *_notes_of_ignored(fleet),
    ]
    return Proposal(
        tuple(services), dict(sorted(lacking.items(), key=lambda each: natural(each[0]))), tuple(notes)
    )


# --- What belongs together ---


def _clusters(fleet: Fleet) -> list[_Cluster]:
    """Put units of one package that run on the same hosts together: they change and restart together."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    owners: dict[tuple[str, tuple[str, ...]], str] = {}
    for unit, where in fleet.unknown.items():
        owner = min((seen.owner for seen in where.values() if seen.owner), default="", key=natural)
        key = (owner or f"{stem(unit)} ", tuple(where))  # no package has a space in its name
        alike[key].append(unit)
        owners[key] = owner
    found = [
        _Cluster(owners[key], tuple(sorted(units, key=lambda unit: _first(owners[key], unit))), key[1])
        for key, units in alike.items()
    ]
    return sorted(found, key=lambda each: (-len(each.hosts), natural(each.units[0])))


def _first(owner: str, unit: str) -> tuple[bool, Any]:
    """Sort the unit that is named like its package before the others."""
    return stem(unit) != owner, natural(unit)


def _umbrellas(fleet: Fleet, clusters: Iterable[_Cluster]) -> list[tuple[str, ...]]:
    """Give each cluster the units that group its own; one that groups several on a host goes to the first of them.

    Restarts of such a unit restart what it groups, so it stands before them, and a roll restarts all at once.
    """
    given: set[tuple[str, str]] = set()
    found = []
    for cluster in clusters:
        places = {
            (host, name)
            for host, units in fleet.members(cluster)
            for seen in units
            for name in seen.umbrellas
        }
        names = sorted({name for _host, name in places}, key=natural)
        mine = [name for name in names if not any((host, name) in given for host in cluster.hosts)]
        given.update((host, name) for host, name in places if name in mine)
        found.append(tuple(mine))
    return found


# --- What each is ---


def _propose(
    fleet: Fleet, cluster: _Cluster, name: str, umbrellas: Sequence[str]
) -> tuple[Proposed, list[str]]:
    members = dict(fleet.members(cluster))
    packages = {host: {each for seen in units for each in seen.packages} for host, units in members.items()}
    common = set.intersection(*packages.values())
    verify, notes = _verify(name, members)
    if odd := sorted(set.union(*packages.values()) - common, key=natural):
        notes.append(f"{name}: not among its packages, as only some of its hosts have them: {listed(odd)}.")
    if not common:
        notes.append(f"{name}: no package owns it, so that it takes part in rolls and not in upgrades.")
    holds = [(seen.hold, host) for host, units in members.items() for seen in units if seen.hold]
    if holds:
        why, host = holds[0]
        notes.append(
            f"{name}: its packages go on hold while restarts are off (deferral: hold), as {why} (seen on {host})."
        )
    proposed = Proposed(
        name=name,
        units=(*umbrellas, *cluster.units),
        packages=tuple(sorted(common, key=natural)),
        hosts=cluster.hosts,
        verify=verify,
        deferral="hold" if holds else "",
    )
    return proposed, notes


def _verify(name: str, members: Mapping[str, Sequence[Seen]]) -> tuple[dict[str, Any], list[str]]:
    """Say how one sees that it works on all its hosts: by its page, or the lowest port that they share."""
    if all(any(seen.page for seen in units) for units in members.values()):
        return {"url": PAGE}, []
    ports = [
        {port for seen in units for port in seen.local if port < FIRST_PASSING_PORT}
        for units in members.values()
    ]
    if shared := set.intersection(*ports):
        return {"port": min(shared)}, []
    if not any(seen.listens for units in members.values() for seen in units):
        return {}, []
    return {}, [
        f"{name}: it listens, and at no TCP port of 127.0.0.1 that is the same on all its hosts, so that there is no "
        "verify. Write one, with a command if need be."
    ]


# --- What has to be known besides ---


def _groups_of_known(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Give the hosts on which services run that the inventory knows, and does not have there."""
    found: dict[str, list[str]] = defaultdict(list)
    for host in fleet.hosts:
        for seen in fleet.sightings[host].units:
            service = fleet.known_as(seen, host)
            if (
                service
                and host not in fleet.groups.get(service.group, ())
                and host not in found[service.group]
            ):
                found[service.group].append(host)
    return {group: tuple(hosts) for group, hosts in found.items() if hosts}


def _notes_of_groups(fleet: Fleet, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for group, hosts in groups.items():
        more = {*fleet.groups.get(group, ())}.difference(hosts)
        if more:
            yield (
                f"{group}: the inventory has a group of that name, with {_hosts(more)} in it, where it does not run. "
                "Take another name, or other hosts."
            )


def _notes_of_parts(clusters: Sequence[_Cluster], names: Sequence[str]) -> Iterator[str]:
    parts: dict[str, list[str]] = defaultdict(list)
    for cluster, name in zip(clusters, names, strict=True):
        parts[cluster.owner].append(name)
    for owner, several in parts.items():
        if owner and len(several) > 1:
            yield (
                f"{listed(several)}: all of package {owner}, and apart because they do not run on the same hosts. Each "
                "has a budget of its own; what is one cluster needs a role, with one budget."
            )


def _notes_of_known(fleet: Fleet) -> Iterator[str]:
    covered: dict[str, list[str]] = defaultdict(list)
    for host in fleet.hosts:
        for seen in fleet.sightings[host].units:
            if seen.refusal:
                covered[f"{seen.unit} is left out: {seen.refusal}"].append(host)
            elif service := fleet.known_as(seen, host):
                covered[_says_known(service, seen)].append(host)
    for said, hosts in covered.items():
        yield f"{said}, on {_hosts(hosts)}."


def _says_known(service: Service, seen: Seen) -> str:
    source = service.source if service.is_data else f"the role {service.role}"
    if seen.all_names.isdisjoint(service.units):
        groups = ", ".join(name for name in seen.umbrellas if name in service.units)
        return (
            f"{service.name} ({source}) lists {groups}, which only groups {seen.unit}. Write that into its units too: "
            "else a restart of it is recorded, and no roll does it"
        )
    return f"{seen.unit} is covered by {service.name} ({source})"


def _notes_of_stopped(fleet: Fleet, services: Iterable[Proposed]) -> Iterator[str]:
    """Say what should run and does not; of services that the inventory knows the status says so."""
    known = {unit for service in fleet.known for unit in service.units}
    groups = {unit: service.name for service in services for unit in service.units}
    down: dict[tuple[str, str], list[str]] = defaultdict(list)
    for host in fleet.hosts:
        for unit, state in fleet.sightings[host].stopped:
            if unit not in known:
                down[(unit, state)].append(host)
    for (unit, state), hosts in down.items():
        lacks = f"not in the group {groups[unit]}" if unit in groups else "not proposed there"
        yield f"{unit} is {state} on {_hosts(hosts)}, and so {lacks}. Start it first if it should run."


def _notes_of_hosts(fleet: Fleet) -> Iterator[str]:
    """Say what was seen and cannot be read as a service, and what was not seen."""
    found: dict[str, list[str]] = defaultdict(list)
    for host in fleet.hosts:
        sighting = fleet.sightings[host]
        for name in sighting.on_demand:
            found[f"{name} starts its service on demand, and is left out"].append(host)
        for name in sighting.odd:
            found[f'"{name}" is not the name of a unit, and is left out'].append(host)
        if not sighting.sees_all:
            found["Ports are not known, as it was not root who looked"].append(host)
    for said, hosts in found.items():
        yield f"{said}, on {_hosts(hosts)}."


def _notes_of_ignored(fleet: Fleet) -> Iterator[str]:
    found: dict[str, set[str]] = defaultdict(set)
    for sighting in fleet.sightings.values():
        for unit in sighting.ignored:
            found[reason_of(unit)].add(unit.removesuffix(".service"))
    for why, units in found.items():
        yield f"Left out ({why}): {', '.join(sorted(units, key=natural))}."


def _hosts(hosts: Iterable[str]) -> str:
    return listed(shortened(hosts))
