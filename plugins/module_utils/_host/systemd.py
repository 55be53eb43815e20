# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd as this collection sees it: the state of units, and orders to it."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Mapping

from .cluster import Cluster
from .errors import HostError

if TYPE_CHECKING:
    from typing import Callable, Iterable, Sequence

    from .runner import Runner


GOING_ALONG = ("ConsistsOf", "RequiredBy", "RequisiteOf", "BoundBy", "PropagatesStopTo")
"""What names the units that systemd restarts with one that is restarted."""

PROPERTIES = (
    "Id", "Names", "LoadState", "ActiveState", "SubState", "Type", "InvocationID", "MainPID", "FragmentPath",
    "TriggeredBy", "Job", "UnitFileState", "CanStart", "CanStop", "DropInPaths", "ControlGroup",
    "ActiveEnterTimestampMonotonic", "ConditionResult", "ConditionTimestampMonotonic", *GOING_ALONG,
)  # fmt: skip
STRICT_DROP_IN = "50-orderly-strict.conf"
"""Ours of strict mode, which every restart of ours lifts: no refusal of the unit itself."""
_UNIT = re.compile(r"[\w:.@\\-]+", re.ASCII)
_SUFFIX = re.compile(
    r"\.(service|socket|target|timer|path|mount|automount|swap|slice|scope|device)", re.ASCII
)


@dataclass(frozen=True)
class Program:
    """What a process runs: device and inode of the file, and whether that was deleted or replaced since."""

    identity: str
    path: str
    replaced: bool


@dataclass(frozen=True)
class UnitState:
    """The state of a unit at one moment."""

    unit: str
    names: tuple[str, ...] = ()
    load: str = "loaded"
    active: str = "inactive"
    sub: str = "dead"
    invocation_id: str = ""
    program: Program | None = None
    type: str = ""
    fragment: str = ""
    triggered_by: tuple[str, ...] = ()
    takes_along: tuple[str, ...] = ()
    has_job: bool = False
    file_state: str = ""
    can_start: bool = True
    can_stop: bool = True
    managed: str = ""  # why it is a cluster's alone, if it is
    active_since: float = 0.0  # seconds of the monotonic clock; only of what is active
    unfinished: bool = False  # a restart of ours has stopped it
    is_passed_over: bool = False  # a Condition…= of it was not met when it was to start

    @property
    def is_known(self) -> bool:
        """Whether the host has such a unit."""
        return self.load != "not-found"

    @property
    def is_masked(self) -> bool:
        """Whether nobody may start it."""
        return self.load == "masked"

    @property
    def is_active(self) -> bool:
        """Whether it runs, or did its work and is kept as running."""
        return self.active in ("active", "reloading")

    @property
    def is_stopped(self) -> bool:
        """Whether it does not run, and nothing went wrong: somebody stopped it, or nobody started it."""
        return self.active == "inactive" and not self.unfinished

    @property
    def refusal(self) -> str:
        """Say why it must not be restarted by hand, or why systemd refuses that; an empty text where neither is so."""
        if self.managed:
            return self.managed
        if not self.can_stop:
            return "it refuses to be stopped by hand (RefuseManualStop); a boot, or a command of its own, restarts it"
        if not self.can_start:
            return "it refuses to be started by hand (RefuseManualStart); a boot, or a command of its own, restarts it"
        return ""

    @property
    def in_transition(self) -> bool:
        """Whether it may yet become active without anybody's doing."""
        return self.active == "activating"

    @property
    def tells_when_ready(self) -> bool:
        """Whether being active means more than that a process was started."""
        return self.type not in ("simple", "exec", "idle")

    def __str__(self) -> str:
        return f"{self.active} ({self.sub})"


def full_name(name: str) -> str:
    """Complete the name of a unit; without a suffix it is a service."""
    if not _UNIT.fullmatch(name):
        raise HostError(f'"{name}" is not a unit name; expected something like nginx.service.', unit=name)
    known = _SUFFIX.fullmatch(os.path.splitext(name)[1])
    return name if known else f"{name}.service"


def parse_units(output: str) -> list[dict[str, str]]:
    """Read what ``systemctl show`` prints: a paragraph for each unit, in the order in which they were named.

    What a unit has several of (``ExecStart``) is printed in a line each, and has several lines here.
    """
    return [_properties(paragraph.splitlines()) for paragraph in output.split("\n\n") if paragraph.strip()]


def _properties(lines: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in lines:
        name, is_property, value = line.partition("=")
        if is_property:
            values[name] = "\n".join((values[name], value)) if name in values else value
    return values


class Systemd:
    """Asks systemd and gives it orders, through one runner."""

    def __init__(
        self,
        run: Runner,
        program_of: Callable[[int], Program | None] | None = None,
        root: Path = Path("/"),
    ) -> None:
        """Take the runner of commands; *program_of* tells what a process runs, below *root* are a cluster's files."""
        self._run = run
        self._program_of = program_of or read_program
        self._root = root
        self._cluster = Cluster(run, root)

    def show(self, units: Sequence[str]) -> dict[str, UnitState]:
        """Read the states of all units at once, by the names that were asked for."""
        found = self.properties(units, (*PROPERTIES, "Triggers"))
        claims = self._cluster.claims([values.get("Names", name).split() for name, values in found.items()])
        return {
            name: replace(self._state(values), managed=claim)
            for (name, values), claim in zip(found.items(), claims)
        }

    def properties(self, units: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Read properties of all units at once, by the names that were asked for."""
        if not units:
            return {}
        command = ["systemctl", "show", "--property=" + ",".join(names), "--", *units]
        code, output, errors = self._run(command, environ_update={"LC_ALL": "C"})
        found = parse_units(output)
        if code != 0 or len(found) != len(units):
            raise HostError(
                f"systemd reports nothing about {', '.join(units)}: {errors.strip() or output.strip()}",
                command=command,
                rc=code,
            )
        return dict(zip(units, found))

    def _state(self, values: Mapping[str, str]) -> UnitState:
        pid = int(values.get("MainPID") or 0) or self._oldest_process(values)
        is_strict = STRICT_DROP_IN in re.split(r"[/ ]", values.get("DropInPaths", ""))
        return UnitState(
            unit=values.get("Id", ""),
            names=tuple(sorted(values.get("Names", "").split())),
            load=values.get("LoadState", ""),
            active=values.get("ActiveState", ""),
            sub=values.get("SubState", ""),
            invocation_id=values.get("InvocationID", ""),
            program=self._program_of(pid) if pid else None,
            type=values.get("Type", ""),
            fragment=values.get("FragmentPath", ""),
            triggered_by=tuple(values.get("TriggeredBy", "").split()),
            takes_along=_taken_along(values),
            has_job=bool(values.get("Job")),
            file_state=values.get("UnitFileState", ""),
            can_start=values.get("CanStart") != "no" or is_strict,
            can_stop=values.get("CanStop") != "no" or is_strict,
            active_since=int(values.get("ActiveEnterTimestampMonotonic") or 0) / 1e6,
            # Of what was never to start, the result is no too.
            is_passed_over=values.get("ConditionResult") == "no"
            and int(values.get("ConditionTimestampMonotonic") or 0) > 0,
        )

    def _oldest_process(self, values: Mapping[str, str]) -> int:
        """Give the PID of the first process of a daemon that systemd does not know the main one of, as postfix; or 0.

        What a unit left behind that did some work and ended is no daemon, so only ``Type=forking`` counts.
        """
        group = values.get("ControlGroup", "")
        if values.get("Type") != "forking" or not group:
            return 0
        for tree in ("", "systemd", "unified"):  # cgroup v2, then v1, alone or beside v2
            try:
                text = (self._root / "sys/fs/cgroup" / tree / group.strip("/") / "cgroup.procs").read_text()
            except OSError:
                continue
            pids = [int(line) for line in text.split()]
            return min(pids) if pids else 0
        return 0

    def follow(
        self, units: Iterable[str], others: Callable[[UnitState], Sequence[str]]
    ) -> dict[str, UnitState]:
        """Read the states of units, of the *others* that each names, and of theirs, however far that goes."""
        found: dict[str, UnitState] = {}
        wanted = tuple(dict.fromkeys(units))
        while wanted:
            found.update(self.show(wanted))
            named = dict.fromkeys(unit for name in wanted for unit in others(found[name]))
            wanted = tuple(unit for unit in named if unit not in found)
        return found

    def restart(self, unit: str) -> str:
        """Restart a unit and wait for systemd's job; gives systemd's complaint, or nothing where there is none.

        A socket is restarted together with its service: systemd refuses to start it while that runs.
        """
        return self.order("restart", unit, *self._served_by(unit))

    def _served_by(self, unit: str) -> tuple[str, ...]:
        if not unit.endswith(".socket"):
            return ()
        services = self.properties([unit], ["Triggers"])[unit].get("Triggers", "").split()
        return tuple(name for name, state in self.show(services).items() if state.is_active)

    def order(self, verb: str, *units: str) -> str:
        """Do to units what systemctl calls so; gives systemd's complaint, or nothing where there is none."""
        command = ["systemctl", verb, *(["--", *units] if units else [])]
        code, output, errors = self._run(command, environ_update={"LC_ALL": "C"})
        return "" if code == 0 else (errors.strip() or output.strip() or f"systemctl {verb} exits {code}")

    def must(self, verb: str, *units: str) -> None:
        """Do to units what systemctl calls so; raises with systemd's complaint."""
        complaint = self.order(verb, *units)
        if complaint:
            named = f" {', '.join(units)}" if units else ""
            raise HostError(f"systemd refuses to {verb}{named}: {complaint}", verb=verb, units=list(units))


def _taken_along(values: Mapping[str, str]) -> tuple[str, ...]:
    keys = (*GOING_ALONG, "Triggers") if values.get("Id", "").endswith(".socket") else GOING_ALONG
    return tuple(dict.fromkeys(unit for key in keys for unit in values.get(key, "").split()))


def known_services(names: Sequence[str], systemd: Systemd) -> list[str]:
    """Complete the names of services that no service role explains; each must be a unit of this host."""
    units = [full_name(name) for name in names]
    states = systemd.show(units)
    for name, unit in zip(names, units):
        if not states[unit].is_known:
            raise HostError(
                f'Unknown service "{name}" on {platform.node()}: no service role of that name is deployed here, and '
                f"there is no unit {unit}. Check the name, or put the host into the service's inventory group.",
                service=name,
            )
    return units


def read_program(pid: int, root: Path = Path("/")) -> Program | None:
    """Tell what a process runs; None where it has ended, or is not ours to look at."""
    link = root / "proc" / str(pid) / "exe"
    try:
        path = os.readlink(link)
        running = os.stat(link)
    except OSError:
        return None
    suffix = " (deleted)"
    replaced = path.endswith(suffix)
    return Program(f"{running.st_dev}:{running.st_ino}", path[: -len(suffix)] if replaced else path, replaced)
