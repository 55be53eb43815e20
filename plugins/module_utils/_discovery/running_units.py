# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services run on a host: where they listen, which packages they are of, and how those can be upgraded."""

from __future__ import annotations

import os
import urllib.request
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from .._deferral.hold import owners_of_files, owners_of_named
from .._deferral.programs import is_interpreter, read_programs
from .._deferral.scripts_of_packages import PackageScripts
from .._host.errors import HostError
from .._host.systemd import Systemd, read_program
from .sockets import TCP, read_processes

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping, Sequence

    from .._host.runner import Runner
    from .._host.systemd import Program, UnitState
    from .sockets import Processes

PAGE = "http://localhost/"
HTTP_PORT = 80
_LIST = (
    "systemctl", "list-units", "--type=service,socket", "--all", "--no-legend", "--no-pager", "--plain", "--full",
)  # fmt: skip
_MORE = ("PartOf", "SourcePath", "UnitFileState", "ConditionResult", "ExecStart")
_SECONDS = 3


@dataclass(frozen=True)
class RunningUnit:
    """A service that runs; *umbrellas* run nothing themselves, and group units of its name.

    *owner* is the package that its unit file is of, *packages* has that of its program besides; neither need be there.
    *hold* says why its packages cannot be upgraded while it runs, *refusal* why nobody restarts it by hand.
    """

    unit: str
    names: tuple[str, ...]
    umbrellas: tuple[str, ...]
    owner: str
    packages: tuple[str, ...]
    program: str
    tcp: tuple[int, ...]
    local: tuple[int, ...]
    udp: tuple[int, ...]
    page: bool
    hold: str
    refusal: str

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Listed:
    """A unit as ``systemctl list-units`` has it."""

    unit: str
    load: str
    active: str
    sub: str

    @property
    def runs(self) -> bool:
        """Whether processes of it are there; one that did its work and ended is active too."""
        return self.active in ("active", "reloading") and self.sub != "exited"


def parse_list(output: str) -> list[Listed]:
    """Read the list; units that systemd knows only by name are left out."""
    rows = (line.strip("●* ").split(None, 4) for line in output.splitlines())
    found = [Listed(*row[:4]) for row in rows if len(row) >= 4]
    return [each for each in found if each.load == "loaded"]


def answers_with_a_page(url: str = PAGE) -> bool:
    """Tell whether a server answers a request for a page with 200, as ``verify`` asks for it later."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):  # refused, an error for an answer, or something that is not HTTP
        return False


class Discovery:
    """Looks at a host, and changes nothing."""

    def __init__(
        self,
        run: Runner,
        root: Path = Path("/"),
        program_of: Callable[[int], Program | None] = read_program,
        page: Callable[[], bool] = answers_with_a_page,
    ) -> None:
        """Take the runner of commands, the root of files, what a process runs, and what asks for a page."""
        self._run = run
        self._root = root
        self._program_of = program_of
        self._page = page
        self._systemd = Systemd(run, program_of, root)

    def read(self, ignored: Sequence[str]) -> dict[str, Any]:
        """Read the services that run, and those that should; of units that match a pattern no more than the name.

        :raises HostError: where systemd says nothing
        """
        units = self._listed()
        named_alone = [unit.unit for unit in units if _matches(unit.unit, ignored)]
        rest = [unit for unit in units if not _matches(unit.unit, ignored)]
        services = [unit for unit in rest if unit.unit.endswith(".service")]
        running = [unit.unit for unit in services if unit.runs]
        return {
            "units": [each.as_dict() for each in self._running(running)],
            "ignored": [
                unit.unit
                for unit in units
                if unit.runs and unit.unit in named_alone and _is_service(unit.unit)
            ],
            "stopped": self._stopped([unit for unit in services if not unit.runs]),
            "on_demand": self._on_demand(
                [unit.unit for unit in rest if not _is_service(unit.unit) and unit.runs]
            ),
            "sees_all": os.geteuid() == 0,
        }

    def _listed(self) -> list[Listed]:
        code, output, errors = self._run(list(_LIST), environ_update={"LC_ALL": "C"})
        if code:
            raise HostError(
                f"systemd lists no units ({errors.strip() or output.strip()}), so what runs here is not known.",
                command=list(_LIST),
                rc=code,
            )
        return parse_list(output)

    def _running(self, names: Sequence[str]) -> list[RunningUnit]:
        if not names:
            return []
        processes = read_processes(self._root)
        states, more = self._systemd.show(names), self._systemd.properties(names, _MORE)
        near = sorted({each for name in names for each in more[name].get("PartOf", "").split()})
        umbrellas = [name for name, state in self._systemd.show(near).items() if state.type == "oneshot"]
        scripts = PackageScripts(self._run, self._root)
        return [
            self._unit(states[name], more[name], umbrellas, processes, scripts)
            for name in names
            if "/run/systemd/transient/" not in states[name].fragment
        ]

    def _unit(
        self,
        state: UnitState,
        more: Mapping[str, str],
        umbrellas: Sequence[str],
        processes: Processes,
        scripts: PackageScripts,
    ) -> RunningUnit:
        program = self._program(state, processes.pids.get(state.unit, ()))
        owners = sorted(
            owners_of_files(self._run, [each for each in (state.fragment, more.get("SourcePath")) if each])
        )
        listeners = processes.listeners.get(state.unit, [])
        tcp = [each for each in listeners if each.protocol == TCP]
        local = sorted({each.port for each in tcp if each.is_local})
        finding = scripts.why_hold([state.unit])
        return RunningUnit(
            unit=state.unit,
            names=state.names,
            umbrellas=tuple(each for each in more.get("PartOf", "").split() if each in umbrellas),
            owner=owners[0] if owners else "",
            packages=tuple(sorted({*owners, *self._owners_of_program(program, more)})),
            program=program,
            tcp=tuple(sorted({each.port for each in tcp})),
            local=tuple(local),
            udp=tuple(sorted({each.port for each in listeners if each.protocol != TCP})),
            page=HTTP_PORT in local and self._page(),
            hold=f"the {finding.script.name} of {finding.script.package} {finding.reason.why}"
            if finding
            else "",
            refusal=state.refusal,
        )

    def _owners_of_program(self, program: str, more: Mapping[str, str]) -> set[str]:
        """Name the packages of what it runs; of an interpreter, those of the programs that it was told to run."""
        if program and not is_interpreter(program):
            return owners_of_files(self._run, [program])
        told = {"ExecStart": more.get("ExecStart", "")}  # of its process all is known
        return owners_of_named(self._run, read_programs(told, self._root).named)

    def _program(self, state: UnitState, pids: Iterable[int]) -> str:
        """Name what it runs; where systemd does not know its main process, the first of its processes counts."""
        found = state.program or next(filter(None, map(self._program_of, pids)), None)
        return found.path if found else ""

    def _stopped(self, units: Sequence[Listed]) -> dict[str, str]:
        """Name what failed, and what starts with the host and does not run; with its state in systemd's words."""
        names = [unit.unit for unit in units]
        states, more = self._systemd.show(names), self._systemd.properties(names, _MORE)
        return {
            unit.unit: str(states[unit.unit])
            for unit in units
            if unit.active == "failed"
            or (
                unit.active == "inactive"
                and more[unit.unit].get("UnitFileState") == "enabled"
                and more[unit.unit].get("ConditionResult") != "no"
                and states[unit.unit].type != "oneshot"
                and not states[unit.unit].triggered_by
            )
        }

    def _on_demand(self, sockets: Sequence[str]) -> list[str]:
        """Name the sockets whose service does not run, as nobody has asked for it."""
        triggers = {
            name: values.get("Triggers", "").split()
            for name, values in self._systemd.properties(sockets, ["Triggers"]).items()
        }
        services = self._systemd.show(sorted({each for named in triggers.values() for each in named}))
        return [
            name for name, named in triggers.items() if not any(services[each].is_active for each in named)
        ]


def _matches(unit: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(unit.rsplit(".", 1)[0], pattern) for pattern in patterns)


def _is_service(unit: str) -> bool:
    return unit.endswith(".service")
