"""How a fleet is, beside what is pending: units that are down, slots and who holds them, freezes, hosts kept out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._common.shell import playbook
from .._common.text import listed, natural, shortened
from .._lock.lock import held_slots
from .._lock.report import report
from .._roll.survey import MEMBERS, read_members, read_survey
from .._run.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .._lock.lock import Lock, Locks
    from .._lock.request import StateOf
    from .._roll.survey import Unit


@dataclass(frozen=True)
class UnitsNow:
    """The units of services that do not run though they should, by host; and why other hosts told nothing."""

    down: Mapping[str, Sequence[Unit]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, answers: Mapping[str, Any], unasked: Iterable[str] = ()) -> UnitsNow:
        """Read the answers of ``member_units``; of the *unasked* it is known already that they tell nothing."""
        left_out = set(unasked)
        # In plays that go on after a failure it is not marked as one.
        told = {
            host: each if "members" in each else {**each, "failed": True}
            for host, each in answers.items()
            if host not in left_out
        }
        survey = read_survey(told, MEMBERS, {})
        units = {host: list(each.values()) for host, each in read_members(survey.answers).items()}
        down = {host: [unit for unit in each if unit.is_down] for host, each in units.items()}
        return cls({host: down[host] for host in sorted(down, key=natural) if down[host]}, survey.silent)

    def down_lines(self) -> list[str]:
        """Say what is down."""
        return [f"Down on {host}: {listed(list(map(str, units)))}." for host, units in self.down.items()]

    def silent_lines(self) -> list[str]:
        """Say of whom that is not known, each reason once."""
        hosts: dict[str, list[str]] = {}
        for host, why in self.silent.items():
            hosts.setdefault(why, []).append(host)
        return [
            f"Whether services run: not checked on {listed(shortened(each))}, which {why}."
            for why, each in hosts.items()
        ]

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs."""
        return {
            "down": {host: {unit.name: unit.says for unit in units} for host, units in self.down.items()},
            "units_not_checked": dict(self.silent),
        }


@dataclass(frozen=True)
class LocksNow:
    """The locks as they are in the store, and what can be told of the runs in them."""

    locks: Locks
    state_of: StateOf

    def as_lines(self) -> list[str]:
        """Say who holds and who waits, what is frozen, and which hosts are out of service."""
        slots = held_slots(self.locks)
        states = [self.state_of(slot.holder.run) for slot in slots]
        is_left = RunState.OVER in states
        return [
            *(f"Slot: {slot}; {state.words}." for slot, state in zip(slots, states, strict=True)),
            *(
                [
                    f"Slots of runs that are over are given back once their hosts are well: {playbook('recover')}"
                ]
                * is_left
            ),
            *(line for lock in self._sorted for line in _rest(lock)),
        ]

    @property
    def _sorted(self) -> Iterable[Lock]:
        return (self.locks[name] for name in sorted(self.locks, key=natural))

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs."""
        return {"locks": report(self.locks, self.state_of)}


def _rest(lock: Lock) -> Iterator[str]:
    for one in lock.queue:
        yield (
            f"Waiting for {lock.service}: {listed(shortened(one.hosts))} since {one.since} "
            f'(operation "{one.operation}", {one.run}).'
        )
    if lock.frozen:
        yield (
            f"Frozen: {lock.service} since {lock.frozen.since} by {lock.frozen.by}, so that no slot is granted: "
            f"{lock.frozen.reason}."
        )
    reasons: dict[str, list[str]] = {}
    for host, why in lock.out_of_service.items():
        reasons.setdefault(why, []).append(host)
    for why, hosts in reasons.items():
        yield f"Out of service: {listed(shortened(hosts))} ({lock.service}): {why}."
