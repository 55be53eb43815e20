# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about its deferred restarts, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .._deferral.absent_units import describe_absent, is_of_no_service
from .._deferral.script import SET_UP

if TYPE_CHECKING:
    from pathlib import Path

    from .._deferral.absent_units import Umbrella
    from .._deferral.ledger import Ledger
    from .._deferral.policy import Policy
    from .._deferral.script import ScriptState


@dataclass(frozen=True)
class HostStatus:
    """All that was found on a host; *not_checked* says of what could not be looked at why."""

    ledger: Ledger
    policies: Sequence[tuple[Path, Policy]]
    script: ScriptState
    versions: Mapping[str, str] = field(default_factory=dict)
    along: Mapping[str, Sequence[str]] = field(default_factory=dict)
    paused: Sequence[Mapping[str, str]] = ()
    on_hold: Sequence[Mapping[str, str]] = ()
    held_by_us: Sequence[str] = ()
    outdated: Sequence[str] = ()
    made_up: Sequence[Mapping[str, str]] = ()
    not_checked: Mapping[str, str] = field(default_factory=dict)
    trouble: Sequence[str] = ()
    temporary: Sequence[Mapping[str, str]] = ()
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)
    absent: Sequence[str] = ()
    umbrellas: Sequence[Umbrella] = ()
    down: Sequence[Mapping[str, str]] = ()
    drained: Sequence[Mapping[str, str]] = ()
    store: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Put together what is blocked, what is pending, what is not, and what went wrong."""
        blocking = any(policy.blocked_actions for _path, policy in self.policies)
        in_vain = blocking and not self.script.in_force and not self.script.leftover
        waiting = self.ledger.waiting_units
        report = {
            "auto_restarts": not blocking and not self.held_by_us,
            "in_force": self.script.in_force,
            "script": self.script.as_dict(),
            "policies": [_policy(path, policy) for path, policy in self.policies],
            "pending": [
                {**entry.as_dict(self.versions), "along": list(self.along.get(entry.unit, ()))}
                for entry in self.ledger.pending
            ],
            "stopped": [entry.as_dict(self.versions) for entry in self.ledger.stopped],
            "settled": [
                {**settled.record.as_dict(), "proof": settled.proof} for settled in self.ledger.settled
            ],
            "dismissed": [record.as_dict() for record in self.ledger.dismissed],
            "paused": [dict(entry) for entry in self.paused],
            "on_hold": [dict(entry) for entry in self.on_hold],
            "temporary_changes": [dict(entry) for entry in self.temporary],
            "services": {name: list(units) for name, units in self.services.items()},
            "without_service": [
                entry.unit
                for entry in self.ledger.pending
                if is_of_no_service(entry.unit, self.along.get(entry.unit, ()), self.services)
            ],
            "absent_services": [_absent(name, self.services[name]) for name in self.absent],
            "umbrellas": [each.as_dict() for each in self.umbrellas],
            "down": [dict(entry) for entry in self.down],
            "drained": [dict(entry) for entry in self.drained],
            "store": dict(self.store),
            "outdated": [unit for unit in self.outdated if unit not in waiting],
            "made_up": [dict(entry) for entry in self.made_up],
            "not_checked": dict(self.not_checked),
            "trouble": [
                *self.trouble,
                *map(_not_started, self.ledger.failed_units),
                *([_not_asked(self.script)] if in_vain else []),
            ],
        }
        return {key: _in_utf_8(value) for key, value in report.items()}


def _in_utf_8(value: Any) -> Any:
    """Escape what is no UTF-8, the name of a file say; Ansible refuses an answer that has such a text anywhere."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_in_utf_8(key): _in_utf_8(item) for key, item in value.items()}
    return [_in_utf_8(item) for item in value] if isinstance(value, list) else value


def _policy(path: Path, policy: Policy) -> dict[str, Any]:
    return {
        "path": str(path),
        "requestor": str(policy.requestor),
        "blocked_actions": {unit: list(actions) for unit, actions in policy.blocked_actions.items()},
    }


def _absent(service: str, units: Sequence[str]) -> dict[str, Any]:
    says = (
        f"{describe_absent(service, units)} List its units as systemctl list-units shows them, or take the host out of "
        "its group; then run defer_restarts again."
    )
    return {"service": service, "units": list(units), "says": says}


def _not_started(unit: str) -> str:
    return (
        f"{unit} could not be started anew at the end of dpkg's run, as a package had wanted; that is not tried again. "
        f"See journalctl -u {unit}, then start it, or dismiss its restart."
    )


def _not_asked(script: ScriptState) -> str:
    who = f"ask {script.neighbour}" if script.neighbour else "do not ask any script"
    return f"Restarts are not being deferred: packages {who}. {SET_UP}"
