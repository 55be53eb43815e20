"""Looking again, while a roll goes on, at the members that the next hosts rely on.

A host does it when it is done, and before it gives its slots back, so that whoever begins next knows what it saw. It
looks at one member after the other, so that a wave of few hosts in a large fleet looks at some of the members, and the
next one at others.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache, partial
from itertools import chain, islice, pairwise, repeat, zip_longest
from typing import TYPE_CHECKING, Any

from .._common.text import natural
from .._service.budget import slots_of
from .survey import MEMBERS, read_members, read_survey

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from .roll import Roll

    Registered = Callable[[str, str], Any]  # of a host, the variable
    Look = dict[str, dict[str, list[str]]]
    """Members to look at, with the units of each service that counts."""

AT_MOST = 20
"""Members that one host looks at."""

GRANT, RELEASED, LOOKS = "__rolling_op_grant", "__rolling_op_released", "__rolling_op_looks"
"""What hosts register: their slots, that they gave them back, and what they saw before that."""


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


# --- Whom a host looks at, now that it is done ---


class Stage(StrEnum):
    """How far a host is by now, as others of its run can tell."""

    TO_COME = "to come"
    AT_WORK = "at work"
    DONE = "done"


def stage_of(host: str, registered: Registered) -> Stage:
    """Tell it from what the host has registered."""
    released = registered(host, RELEASED) or {"failed": True}
    if not released.get("failed"):
        return Stage.DONE
    grant = registered(host, GRANT) or {}
    return Stage.AT_WORK if host in (grant.get("slots") or ()) else Stage.TO_COME


def due(look: Look, registered: Registered, now: float) -> list[dict[str, Any]]:
    """List the members to look at: not those that are being visited, which are down for a reason.

    Each tells *now*, seconds of the controller's monotonic clock, and whether it was visited before that.
    """
    stages = {member: stage_of(member, registered) for member in look}
    return [
        {"key": member, "value": units, "at": now, "visited": stages[member] is Stage.DONE}
        for member, units in look.items()
        if stages[member] is not Stage.AT_WORK
    ]


# --- What was seen ---


def down_before(roll: Mapping[str, Any], wave: int, registered: Registered) -> dict[str, list[str]]:
    """Name the members that are down before a wave, with their services: as planned, and as was seen since.

    *roll* is what :meth:`Roll.as_result` gives, *registered* what a host has registered under a name. Who gave no
    answer when it was looked at counts as down (:func:`members_seen`). A *wave* of -1 is what comes after the last.
    A host of the wave itself costs no budget where it is down, so that it is said of none that the wave before has not
    looked at.
    """
    waves: list[Mapping[str, list[str]]] = [{}, *roll["waves"], {}]
    before, now = waves[wave : wave + 2] if wave >= 0 else waves[-2:]
    down = set(_pairs(roll["unhealthy"][wave]))
    if wave:
        down.difference_update(_pairs(now))
    own = set(_pairs(now))
    for pair, (host, is_down) in _last_seen(roll, registered).items():
        if pair not in own or host in before:
            (down.add if is_down else down.discard)(pair)
    return by_host(down)


def _last_seen(roll: Mapping[str, Any], registered: Registered) -> dict[tuple[str, str], tuple[str, bool]]:
    """Give of each member and service who saw it last, and whether it was down.

    A visit that has begun since tells more than a look before it.
    """
    stages = cache(partial(stage_of, registered=registered))
    seen: dict[tuple[str, str], tuple[float, str, bool]] = {}
    for host, look in roll["looks"].items():
        answer = registered(host, LOOKS)
        for item, name, is_down in members_seen(answer):
            member, at = item["key"], item.get("at", 0.0)
            valid = stages(member) is (Stage.DONE if item.get("visited") else Stage.TO_COME)
            if member in look and valid and at >= seen.get((member, name), (at,))[0]:
                seen[member, name] = at, host, is_down
    return {pair: (host, is_down) for pair, (_at, host, is_down) in seen.items()}


def by_host(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Name the services of each host, in order."""
    named: dict[str, list[str]] = {}
    for host, name in sorted(pairs, key=lambda pair: (natural(pair[0]), natural(pair[1]))):
        named.setdefault(host, []).append(name)
    return named


def _pairs(services: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    return ((host, name) for host, names in services.items() for name in names)


def members_seen(answer: Any) -> Iterator[tuple[Mapping[str, Any], str, bool]]:
    """Tell of each member, as the item of the look at it, and of each service whether it was seen down.

    *answer* is what the task that looked has registered. Its items are members, each with the units of its services.
    Who gave no answer counts as down.
    """
    results = answer.get("results", ()) if answer else ()
    survey = read_survey({each["item"]["key"]: each for each in results}, MEMBERS, {})
    units = read_members(survey.answers)
    for item in (each["item"] for each in results):
        known = units.get(item["key"])
        for name, names in item["value"].items():
            is_down = known is None or any(known[each].is_down for each in names if each in known)
            yield item, name, is_down
