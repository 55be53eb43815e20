"""Recovery: which hosts were left behind, what has to be well before they take part again, and which are not ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._common.text import natural
from .._lock.lock import PAUSE, how_to_forget, slot_names
from .._run.presence import how_to_end
from .._run.run import RunState
from .._service.budget import slots_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from .._lock.lock import Slot
    from .._run.run import Run
    from .._service.service import Service


@dataclass(frozen=True)
class Found:
    """What is known about the hosts: who holds slots, what they have on record, and why some have no answer.

    ``temporary`` has the temporary changes of each host, as the module of that name gives them; ``campaigns`` the ids
    of those that are open: what was changed for them is theirs to undo; ``away`` the hosts out of service, by service.
    """

    slots: Sequence[Slot]
    drained: Mapping[str, Iterable[str]]
    silent: Mapping[str, str]
    state_of: Callable[[Run], RunState]
    temporary: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    campaigns: frozenset[str] = frozenset()
    away: Mapping[str, Collection[str]] = field(default_factory=dict)

    def forgotten(self, host: str) -> dict[str, list[str]]:
        """Name the temporary changes of a host that no open campaign will undo, by service."""
        found: dict[str, list[str]] = {}
        for change in self.temporary.get(host, ()):
            if change["campaign"] not in self.campaigns:
                found.setdefault(change["service"], []).append(change["name"])
        return found

    def due(self, host: str) -> str:
        """Tell until when what is undone on a host now was to last: ``verified``, or ``upgraded``, which is all."""
        kept = any(change["campaign"] in self.campaigns for change in self.temporary.get(host, ()))
        return "verified" if kept else "upgraded"


@dataclass(frozen=True)
class Recovery:
    """The services that are verified on each host, with the reason; and the hosts that are left, with what to do.

    ``until`` tells of each host what the temporary changes that are undone now were to last for. ``batches`` has the
    hosts to put back together: those that hold their slots, then, as budgets allow, those that have yet to take them.
    """

    visits: Mapping[str, tuple[Service, ...]]
    why: Mapping[str, str]
    left: Mapping[str, str]
    until: Mapping[str, str] = field(default_factory=dict)
    batches: Sequence[Sequence[str]] = ()

    def as_result(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        return {
            "order": [host for batch in self.batches for host in batch],
            "batches": [len(batch) for batch in self.batches],
            "visits": {
                host: [service.as_dict() for service in services] for host, services in self.visits.items()
            },
            "why": dict(self.why),
            "left": dict(self.left),
            "until": dict(self.until),
        }

    def lines(self) -> list[str]:
        """Tell people what was found."""
        found = [
            f"{host} was left behind: {self.why[host]}. It is verified first."
            for host in sorted(self.visits, key=natural)
        ]
        left = [f"{host} is left as it is: {self.left[host]}" for host in sorted(self.left, key=natural)]
        return [*found, *left] or ["No host was left behind."]


def plan_recovery(
    services: Sequence[Service], groups: Mapping[str, Iterable[str]], asked: Iterable[str], found: Found
) -> Recovery:
    """Decide about each of the *asked* hosts; ``found.silent`` says why some have no answer."""
    members = {service.name: frozenset(groups[service.group]) for service in services}
    visits, why, left, until, to_take = {}, {}, {}, {}, set()
    for host in asked:
        slots = [slot for slot in found.slots if slot.holder.host == host]
        drained = sorted(found.drained.get(host, ()))
        forgotten = found.forgotten(host)
        concerned = {*(slot.service for slot in slots), *drained, *forgotten}
        if not concerned:
            continue
        strangers = sorted(name for name in concerned if host not in members.get(name, ()))
        reason = _reason_to_leave(slots, found.state_of)
        if not reason and found.silent.get(host):
            reason = f"it {found.silent[host]}. {_held(slots)} Bring it back, and run this again."
        if not reason and strangers:
            reason = (
                f"this inventory does not deploy {', '.join(strangers)} there, so nobody can verify it. Use the "
                "whole inventory; or, if it is gone for good, remove its record from /var/lib/orderly/drained and "
                f"/var/lib/orderly/temporary, and say so: {how_to_forget([host])}."
            )
        without = sorted(
            each.name for each in services if each.name in forgotten and not each.tasks_file("undo")
        )
        if not reason and without:
            reason = (
                f"{_changed(forgotten)}, but {', '.join(without)} has no tasks/undo.yml any more. Undo it by hand, and "
                "remove its record from /var/lib/orderly/temporary."
            )
        if reason:
            left[host] = reason
            continue
        visits[host] = tuple(service for service in services if service.name in concerned)
        records = f"{', '.join(drained)} is recorded as drained" if drained else ""
        why[host] = "; ".join([*slot_names(slots), *filter(None, [records, _changed(forgotten)])])
        until[host] = found.due(host)
        if not (slots or drained):
            to_take.add(host)
    left |= _nowhere(found.slots, {host for each in groups.values() for host in each})
    counted = {name: hosts.difference(found.away.get(name, ())) for name, hosts in members.items()}
    sizes = {each.name: slots_of(each.max_unavailable, len(counted[each.name])) for each in services}
    room = min((sizes[service.name] for host in to_take for service in visits[host]), default=1)
    return Recovery(visits, why, left, until, _batches(visits, to_take, room))


def _nowhere(slots: Iterable[Slot], known: Collection[str]) -> dict[str, str]:
    """Say what to do about hosts that hold slots and are not in the inventory at all."""
    held: dict[str, list[Slot]] = {}
    for slot in slots:
        if slot.holder.host not in known:
            held.setdefault(slot.holder.host, []).append(slot)
    return {
        host: f"this inventory has no such host. {_held(its)} Use the whole inventory; or, where it has left for good, "
        f"say so: {how_to_forget([host])}."
        for host, its in held.items()
    }


def _batches(visits: Iterable[str], to_take: Collection[str], room: int) -> list[list[str]]:
    """Put together the hosts that hold their slots, and then, as many as there is *room* for, those that do not."""
    order = sorted(visits, key=natural)
    held, rest = ([host for host in order if (host in to_take) == later] for later in (False, True))
    batches = [held, *(rest[at : at + room] for at in range(0, len(rest), room))]
    return [batch for batch in batches if batch]


def _changed(forgotten: Mapping[str, Sequence[str]]) -> str:
    changes = [f"{', '.join(names)} of {service}" for service, names in sorted(forgotten.items())]
    return f"{', '.join(changes)} is recorded as a temporary change" if changes else ""


def _reason_to_leave(slots: Sequence[Slot], state_of: Callable[[Run], RunState]) -> str:
    """Say why nobody but its holder may put a host back; empty if the holder is gone."""
    alive = [slot for slot in slots if state_of(slot.holder.run) is RunState.LIVE]
    unknown = [slot for slot in slots if state_of(slot.holder.run) is RunState.UNKNOWN]
    paused = [slot for slot in slots if slot.holder.operation == PAUSE]
    if alive:
        return f"somebody is working on it. {_held(alive)} Wait until that run has ended."
    if paused:
        return f"it is paused on purpose. {_held(paused)} The playbook resume_services brings it back."
    if unknown:
        return (
            f"it is unknown here whether its holder is still working. {_held(unknown)} Run this there; or, "
            f"if that run is over, say so: {how_to_end(unknown[0].holder.run)}"
        )
    return ""


def _held(slots: Iterable[Slot]) -> str:
    return "".join(f"{slot}. " for slot in slots).strip()
