# This is a private utility of the orderly.services collection; it may change without notice.
"""Recovery: which hosts were left behind, what has to be well before they take part again, and which are not ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._lock import PAUSE, how_to_force, listed
from ._order import natural
from ._run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ._lock import Slot
    from ._run import Run
    from ._service import Service


@dataclass(frozen=True)
class Found:
    """What is known about the hosts: who holds slots, what they have on record, and who answered when asked."""

    slots: Sequence[Slot]
    drained: Mapping[str, Iterable[str]]
    hosts: frozenset[str]
    state_of: Callable[[Run], RunState]


@dataclass(frozen=True)
class Recovery:
    """The services that are verified on each host, with the reason; and the hosts that are left, with what to do."""

    visits: Mapping[str, tuple[Service, ...]]
    why: Mapping[str, str]
    left: Mapping[str, str]

    def as_result(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        return {
            "order": sorted(self.visits, key=natural),
            "visits": {
                host: [service.as_dict() for service in services] for host, services in self.visits.items()
            },
            "why": dict(self.why),
            "left": dict(self.left),
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
    """Decide about each of the *asked* hosts; those of them that are not in ``found.hosts`` did not answer."""
    members = {service.name: frozenset(groups[service.group]) for service in services}
    visits, why, left = {}, {}, {}
    for host in asked:
        slots = [slot for slot in found.slots if slot.holder.host == host]
        drained = sorted(found.drained.get(host, ()))
        if not slots and not drained:
            continue
        concerned = {slot.service for slot in slots} | set(drained)
        strangers = sorted(name for name in concerned if host not in members.get(name, ()))
        reason = _reason_to_leave(slots, found.state_of)
        if not reason and host not in found.hosts:
            reason = f"it cannot be reached. {_held(slots)} Bring it back, and run this again."
        if not reason and strangers:
            reason = (
                f"this inventory does not deploy {', '.join(strangers)} there, so nobody can verify it. Use the whole "
                "inventory; or, where it has left for good, give its slot back by force (rolling_lock) and remove its "
                "record from /var/lib/orderly/drained."
            )
        if reason:
            left[host] = reason
            continue
        visits[host] = tuple(service for service in services if service.name in concerned)
        records = f"{', '.join(drained)} is on record as drained" if drained else ""
        why[host] = "; ".join([*listed(slots), *filter(None, [records])])
    return Recovery(visits, why, left)


def _reason_to_leave(slots: Sequence[Slot], state_of: Callable[[Run], RunState]) -> str:
    """Say why nobody but its holder may put a host back; empty if the holder is gone."""
    alive = [slot for slot in slots if state_of(slot.holder.run) is RunState.LIVE]
    unknown = [slot for slot in slots if state_of(slot.holder.run) is RunState.UNKNOWN]
    paused = [slot for slot in slots if slot.holder.operation == PAUSE]
    if alive:
        return f"somebody works on it. {_held(alive)} Wait until that has ended."
    if paused:
        return f"it is paused on purpose. {_held(paused)} The playbook resume_services brings it back."
    if unknown:
        return (
            f"nobody here can tell whether its holder still works. {_held(unknown)} Run this there; or, if that run is "
            f"over and the host is healthy: {how_to_force(unknown)}."
        )
    return ""


def _held(slots: Iterable[Slot]) -> str:
    return "".join(f"{slot}. " for slot in slots).strip()
