"""Looking again, between two waves, at the members that the next one relies on.

The hosts of a wave do it when they have given their slots back: they wait for each other where a wave ends, and not
where it begins. A host looks at one member after the other, so that a wave of few hosts in a large fleet looks at some
of the members, and the next one at others.
"""

from __future__ import annotations

from itertools import chain, islice, pairwise, repeat, zip_longest
from typing import TYPE_CHECKING, Any

from .._common.text import natural
from .._service.budget import slots_of
from .survey import MEMBERS, read_members, read_survey

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from .roll import Roll

    Look = dict[str, dict[str, list[str]]]
    """Members to look at, with the units of each service that counts."""

AT_MOST = 20
"""Members that one host looks at between two waves."""

GRANT, LOOKS = "__rolling_op_grant", "__rolling_op_looks"
"""What hosts register: the slots of their wave, and what they saw after it."""


def share(
    members: Mapping[str, Sequence[str]],
    wave: Sequence[str],
    turn: int,
    units_of: Callable[[str, str], Sequence[str]],
) -> dict[str, Look]:
    """Give the hosts of a wave what each of them looks at: members of each service in turn, up to :data:`AT_MOST`.

    Waves of another *turn* begin with other members. *units_of* gives the units of a service on a member, and none
    where nobody looks at it.
    """
    room, look = AT_MOST * len(wave), dict[str, dict[str, list[str]]]()
    turned = {name: _turned(hosts, turn * room) for name, hosts in members.items()}
    for host, name in _in_turn(turned):
        if host not in look and len(look) == room:
            break
        if units := units_of(host, name):
            look.setdefault(host, {})[name] = [*units]
    hosts = list(look)
    shares = {host: hosts[number :: len(wave)] for number, host in enumerate(wave)}
    return {host: {member: look[member] for member in own} for host, own in shares.items() if own}


def _turned(members: Sequence[str], start: int) -> Iterator[str]:
    begin = start % len(members) if members else 0
    return chain(islice(members, begin, None), islice(members, begin))


def _in_turn(members: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """Give the first member of each service, with the service, then the second of each, and so on."""
    rows = zip_longest(*(zip(hosts, repeat(name)) for name, hosts in members.items()))
    return (pair for pair in chain.from_iterable(rows) if pair)


def plan_looks(roll: Roll) -> dict[str, Look]:
    """Give what each host looks at after its wave; those of the last wave look at nothing.

    A host that the wave has visited for a service was seen to be well.
    """
    services = {service.name: service for service in roll.fleet.services}
    members = {name: sorted(roll.fleet.members[name], key=natural) for name in _budgeted(roll)}
    found: dict[str, Look] = {}
    for number, (wave, following) in enumerate(pairwise(roll.waves)):
        names = {name for host in following for name in roll.names(host)}
        visited = {(host, name) for host in wave for name in roll.names(host)}

        def units_of(host: str, name: str, visited: Container[tuple[str, str]] = visited) -> list[str]:
            if (host, name) in visited or roll.fleet.why_out(name, host) is not None:
                return []
            return [unit.name for unit in roll.fleet.units_of(services[name], host)]

        relied_on = {name: hosts for name, hosts in members.items() if name in names}
        found |= share(relied_on, wave, number, units_of)
    return found


def _budgeted(roll: Roll) -> list[str]:
    """Name the services to which it makes a difference how many of their members are up."""
    numbers = {name: len(hosts) for name, hosts in roll.fleet.members.items()}
    return [
        service.name
        for service in roll.fleet.services
        if slots_of(service.max_unavailable, numbers[service.name]) < numbers[service.name]
    ]


# --- What was seen ---


def down_before(
    roll: Mapping[str, Any], wave: int, registered: Callable[[str, str], Any]
) -> dict[str, list[str]]:
    """Name the members that are down before a wave, with their services: as planned, and as was seen since.

    *roll* is what :meth:`Roll.as_result` gives, *registered* what a host has registered under a name. Who gave no
    answer when it was looked at counts as down (:func:`members_seen`). A *wave* of -1 is what comes after the last.
    A host of the wave itself costs no budget where it is down, so that it is said of none that was not looked at again.
    """
    down = set(_pairs(roll["unhealthy"][wave]))
    waves = [*roll["waves"], {}][: wave + 1 if wave >= 0 else None]
    if len(waves) > 1:
        *_earlier, before, now = waves
        down |= _still_down(before, registered)
        down.difference_update(_pairs(now))
        for host in before:
            for pair, is_down in members_seen(registered(host, LOOKS)):
                if pair[0] in roll["looks"].get(host, ()):
                    (down.add if is_down else down.discard)(pair)
    return by_host(down)


def by_host(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Name the services of each host, in order."""
    named: dict[str, list[str]] = {}
    for host, name in sorted(pairs, key=lambda pair: (natural(pair[0]), natural(pair[1]))):
        named.setdefault(host, []).append(name)
    return named


def _pairs(services: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    return ((host, name) for host, names in services.items() for name in names)


def _still_down(
    wave: Mapping[str, Iterable[str]], registered: Callable[[str, str], Any]
) -> set[tuple[str, str]]:
    """Name who counted as down when the slots of a wave were granted, and was not visited in it."""
    grants = (registered(host, GRANT) for host in wave)
    counted: Mapping[str, Iterable[str]] = next(
        (grant["unhealthy"] for grant in grants if grant and "unhealthy" in grant), {}
    )
    return set(_pairs(counted)).difference(_pairs(wave))


def members_seen(answer: Any) -> Iterator[tuple[tuple[str, str], bool]]:
    """Tell of each member and service whether it was seen down; *answer* is what the task that looked has registered.

    Its items are members, each with the units of its services. Who gave no answer counts as down.
    """
    results = answer.get("results", ()) if answer else ()
    items = {each["item"]["key"]: each["item"]["value"] for each in results}
    survey = read_survey({each["item"]["key"]: each for each in results}, MEMBERS, {})
    units = read_members(survey.answers)
    for host, services in items.items():
        for name, names in services.items():
            is_down = host not in units or any(
                units[host][each].is_down for each in names if each in units[host]
            )
            yield (host, name), is_down
