# SPDX-License-Identifier: GPL-3.0-or-later
"""One record of a deferred restart: its format, and the text that reports it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Mapping

from .._host import yaml
from .._host.documents import FORMAT, newer_format
from .._host.systemd import UnitState, full_name
from .policy import Requestor

if TYPE_CHECKING:
    from typing import Iterable

PACKAGE_UPDATE = "Package update"
_FILES_CHANGED = "File(s) changed: "
_DISRUPTIVE = re.compile(r"restart|stop|force-reload|upgrade")
_MAX_REASON = 4000
NOT_TOLD = "unknown"
"""The invocation id in a record of a unit about which systemd did not answer."""
BESIDE_NEWER = ".format-1.deferred"
"""How the record of a unit and requestor ends where that of a newer version is in its place."""


class NewerRecordError(yaml.YamlError):
    """A newer version wrote the record: it stays as it is."""


@dataclass(frozen=True)
class Record:
    """Actions on one unit that one requestor's policy blocked since the unit was last started.

    It is *undone_by_version* where another version of the package is all that the restart is wanted for, and
    *failed_at* is when dpkg's end tried it in vain. ``others`` are what the record says besides, as ``drags`` by the
    script, and stay when it is written again.
    """

    path: str
    unit: str
    action: str
    reason: str
    requestor: Requestor
    since: int
    last: int
    actions: tuple[str, ...] = ()
    count: int = 1
    package: str = ""
    package_before: str = ""
    maintainer_script: str = ""
    collateral: bool = False
    undone_by_version: bool = False
    failed_at: int = 0
    boot_id: str = ""
    invocation_id: str = ""
    executables: tuple[str, ...] = ()
    dismissed: str = ""
    dismissed_by: str = ""
    dismissed_at: int = 0
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def can_be_proved(self) -> bool:
        """Whether it holds what proves a restart; other tools' records do not, nor where systemd did not answer."""
        return bool(self.boot_id) and self.invocation_id != NOT_TOLD

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, times in ISO 8601."""
        return {
            "path": self.path,
            "unit": self.unit,
            "action": self.action,
            "actions": list(self.actions),
            "reason": self.reason,
            "requestor": str(self.requestor),
            "since": iso_time(self.since),
            "last": iso_time(self.last),
            "count": self.count,
            "package": self.package,
            "package_before": self.package_before,
            "maintainer_script": self.maintainer_script,
            "collateral": self.collateral,
            "dismissed": self.dismissed,
            "dismissed_by": self.dismissed_by,
            "dismissed_at": iso_time(self.dismissed_at) if self.dismissed else "",
        }

    def _dismissal(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key.startswith("dismissed")}

    def render(self) -> str:
        """Write it as the script does: the keys that all tools know, and ours."""
        failed = {"failed_at": self.failed_at} if self.failed_at else {}
        written = {**self.others, **self._known(), **failed, **(self._dismissal() if self.dismissed else {})}
        return yaml.dump(dict(sorted(written.items())))

    def _known(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "actions": self.actions,
            "boot_id": self.boot_id,
            "collateral": self.collateral,
            "count": self.count,
            "executables": self.executables,
            "first_timestamp": self.since,
            "format": FORMAT,
            "invocation_id": self.invocation_id,
            "maintainer_script": self.maintainer_script,
            "package": self.package or None,
            "package_before": self.package_before or None,
            "policy_requestor_name": self.requestor.name,
            "policy_requestor_type": self.requestor.type,
            "reason": self.reason,
            "service": self.unit,
            "timestamp": self.last,
            "undone_by_version": self.undone_by_version,
            "unit": self.unit,
        }


def iso_time(timestamp: int) -> str:
    """Write a time as people and programs can both read it."""
    return datetime.fromtimestamp(timestamp, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_record(text: str, path: str) -> Record:
    """Read a record, ours or another tool's; raises :class:`yaml.YamlError` where it is not one."""
    data = yaml.parse(text)
    if not isinstance(data, dict) or not isinstance(data.get("service"), str):
        raise yaml.YamlError("expected a mapping that names a service")
    if newer := newer_format(data):
        raise NewerRecordError(f"it {newer}")
    actions = data.get("actions")
    executables = data.get("executables")
    last = _number(data, "timestamp")
    record = Record(
        path=path,
        unit=full_name(_text(data, "unit") or data["service"]),
        action=_text(data, "action") or "restart",
        reason=_text(data, "reason"),
        requestor=Requestor(
            _text(data, "policy_requestor_type") or "unknown",
            _text(data, "policy_requestor_name") or "unknown",
        ),
        since=_number(data, "first_timestamp") or last,
        last=last,
        actions=tuple(actions) if isinstance(actions, list) else (_text(data, "action"),),
        count=_number(data, "count") or 1,
        package=_text(data, "package"),
        package_before=_text(data, "package_before"),
        maintainer_script=_text(data, "maintainer_script"),
        collateral=_text(data, "collateral") == "true",
        undone_by_version=_text(data, "undone_by_version") == "true",
        failed_at=_number(data, "failed_at"),
        boot_id=_text(data, "boot_id"),
        invocation_id=_text(data, "invocation_id"),
        executables=tuple(executables) if isinstance(executables, list) else (),
        dismissed=_text(data, "dismissed"),
        dismissed_by=_text(data, "dismissed_by"),
        dismissed_at=_number(data, "dismissed_at"),
    )
    ours = {*record._known(), *record._dismissal(), "failed_at"}  # noqa: SLF001 - its own module
    return replace(record, others={key: value for key, value in data.items() if key not in ours})


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _number(data: Mapping[str, Any], key: str) -> int:
    text = _text(data, key)
    return int(text) if text.isdecimal() and len(text) <= 12 else 0


# --- Writing records, by the rules of the script ---


@dataclass(frozen=True)
class Event:
    """An action on a unit that was not done now, why it was wanted, and on whose account it waits."""

    unit: str
    action: str
    reason: str
    requestor: Requestor

    @property
    def file_name(self) -> str:
        """Name the file of the record that this event goes into: one for each requestor and unit."""
        kind, name = (_escape(part, r"[^\w.+]") for part in (self.requestor.type, self.requestor.name))
        whole = f"{kind}-{name}-" + _escape(self.unit, r"[^\w@:.+-]")
        return (f"{whole[:200]}{_checksum(whole):08x}" if len(whole) > 220 else whole) + ".deferred"


def _escape(text: str, special: str) -> str:
    characters = text.encode().decode("latin-1")
    return re.sub(special, lambda match: f"%{ord(match.group()):02x}", characters, flags=re.ASCII)


def _checksum(text: str) -> int:
    value = 5381
    for byte in text.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def note_event(event: Event, old: Record | None, state: UnitState, boot_id: str, now: int) -> Record:
    """Put an event into the record of its unit and requestor; what was settled or dismissed begins anew."""
    fresh = Record(
        path="",
        unit=state.unit or full_name(event.unit),
        action=effective_action([event.action]),
        reason=event.reason[:_MAX_REASON],
        requestor=event.requestor,
        since=now,
        last=now,
        actions=(event.action,),
        boot_id=boot_id,
        invocation_id=state.invocation_id,
        executables=(state.program.identity,) if state.program else (),
    )
    if old is None or not old.can_be_proved or old.dismissed or _is_of_another_run(old, fresh):
        return fresh
    actions = tuple(sorted({*old.actions, event.action}))
    return replace(
        old,
        action=effective_action(actions),
        actions=actions,
        reason=join_reasons(old.reason, event.reason),
        last=now,
        count=old.count + 1,
        executables=old.executables or fresh.executables,
    )


def _is_of_another_run(old: Record, fresh: Record) -> bool:
    # A reload may execute a new program, which settles the old record; what is asked for after it is another matter.
    executed_anew = old.action == "reload" and _differ(old.executables, fresh.executables)
    return executed_anew or (old.boot_id, old.invocation_id) != (fresh.boot_id, fresh.invocation_id)


def _differ(before: tuple[str, ...], now: tuple[str, ...]) -> bool:
    return bool(before and now) and set(before).isdisjoint(now)


def effective_action(actions: Iterable[str]) -> str:
    """Say what has to be done in the end: a stop that was to be followed by a start is a restart."""
    wanted = sorted(set(actions))
    if any(_DISRUPTIVE.search(action) for action in wanted):
        return "restart"
    return "reload" if "reload" in wanted else " ".join(wanted)


def join_reasons(before: str, now: str) -> str:
    """Keep every reason once, files in one list, in an order that does not depend on what came first."""
    reasons = {reason for text in (before, now) for reason in text.split("; ") if reason}
    listed = [reason[len(_FILES_CHANGED) :] for reason in reasons if reason.startswith(_FILES_CHANGED)]
    files = sorted({file for files in listed for file in files.split(", ")})
    others = sorted(reason for reason in reasons if not reason.startswith(_FILES_CHANGED))
    others.sort(key=lambda reason: reason != PACKAGE_UPDATE)
    changed = [_FILES_CHANGED + ", ".join(files)] if files else []
    known = [reason for reason in others if reason == PACKAGE_UPDATE]
    return "; ".join([*known, *changed, *others[len(known) :]])[:_MAX_REASON]
