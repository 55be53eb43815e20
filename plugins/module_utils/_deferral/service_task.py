# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task about a service wants, and what is to be done for it: the rules of ansible.builtin.systemd_service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping

from .._host.errors import HostError

if TYPE_CHECKING:
    from typing import Callable, Sequence

    from .._host.runner import Runner

DEFERRABLE = ("restart", "reload", "stop")
_RUNNING = ("active", "activating", "reloading")
_ENABLED_BUT_NOT_AS_ASKED = ("enabled-runtime", "indirect", "alias")


@dataclass(frozen=True)
class Wish:
    """What a task wants of a unit; None where it does not say."""

    name: str
    state: str | None = None
    enabled: bool | None = None
    masked: bool | None = None


@dataclass(frozen=True)
class Found:
    """What systemd says about the unit: its properties, and whether it is enabled, in systemd's word and exit code.

    There are no properties where no systemd runs, in a chroot say.
    """

    status: Mapping[str, str] = field(default_factory=dict)
    enablement: str = ""
    enablement_known: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is such a unit."""
        return self.status.get("LoadState", "not-found") != "not-found" or bool(self.enablement)

    @property
    def is_enabled(self) -> bool:
        """Whether it is enabled for good, as a task asks for it."""
        return self.enablement_known and self.enablement not in _ENABLED_BUT_NOT_AS_ASKED


@dataclass(frozen=True)
class ServicePlan:
    """The orders to systemd, in their order, the one that waits for another time, and what the task returns."""

    now: tuple[str, ...]
    later: str
    result: Mapping[str, Any]

    @property
    def changes(self) -> bool:
        """Whether the task has something to do, now or later."""
        return bool(self.now or self.later)


def plan_service(wish: Wish, found: Found, waits: Callable[[str], bool]) -> ServicePlan:
    """Decide what is to be done: masking first, then enabling, then the state; *waits* tells which verb must wait."""
    orders = []
    result: dict[str, Any] = {"name": wish.name, "status": dict(found.status)}
    if wish.masked is not None and wish.masked != (found.enablement == "masked"):
        orders.append("mask" if wish.masked else "unmask")
    if wish.enabled is not None:
        _insist(wish, found)
        result["enabled"] = wish.enabled
        if wish.enabled != found.is_enabled:
            orders.append("enable" if wish.enabled else "disable")
    later = ""
    if wish.state is not None:
        _insist(wish, found)
        result["state"] = "stopped" if wish.state == "stopped" else "started"
        verb = _verb(wish.state, found.status.get("ActiveState", ""))
        if verb in DEFERRABLE and waits(verb):
            later = verb
        elif verb:
            orders.append(verb)
    return ServicePlan(tuple(orders), later, result)


def _insist(wish: Wish, found: Found) -> None:
    if not found.exists:
        # The first words are those of Ansible's own module: roles look for them.
        raise HostError(f"Could not find the requested service {wish.name}: host", name=wish.name)
    trouble = found.status.get("LoadError", "")
    if trouble and found.status.get("LoadState") not in ("masked", "not-found"):
        raise HostError(f"Error loading unit file '{wish.name}': {trouble}", name=wish.name)


def _verb(state: str, active: str) -> str:
    if not active:  # no systemd runs that could start or stop anything
        return ""
    if state == "started":
        return "" if active in _RUNNING else "start"
    if state == "stopped":
        return "stop" if active in (*_RUNNING, "deactivating") else ""
    return state[: -len("ed")] if active in _RUNNING else "start"


NO_FILES_NAMED = "File(s) changed: not named by the task"
_KNOWN_BEGINNINGS = ("Package update", "File(s) changed: ")


def describe_reason(changed_files: Sequence[str], reason: str) -> str:
    """Say why a restart is wanted, beginning with the words that tools look for."""
    if changed_files:
        return f"File(s) changed: {', '.join(sorted(changed_files))}"
    return reason if reason.startswith(_KNOWN_BEGINNINGS) else f"{NO_FILES_NAMED}; {reason}".rstrip("; ")


def parse_status(output: str) -> dict[str, str]:
    """Read what ``systemctl show`` prints about one unit; commands may go over several lines, in braces."""
    status: dict[str, str] = {}
    open_key = ""
    for line in output.splitlines():
        if open_key:
            status[open_key] += f"\n{line}"
            key = open_key
        elif "=" in line:
            key, value = line.split("=", 1)
            status[key] = value.strip()
        else:
            continue
        is_open = key.startswith("Exec") and status[key].startswith("{") and not line.rstrip().endswith("}")
        open_key = key if is_open else ""
    return status


class UnitControl:
    """One unit as ``systemctl`` controls it, in the scope and with the options of a task."""

    def __init__(self, run: Runner, unit: str, options: Sequence[str]) -> None:
        """Take the runner, the unit's full name, and systemctl's options."""
        self._run = run
        self._unit = unit
        self._options = list(options)

    def find(self, *, offline: bool) -> Found:
        """Read what systemd knows about the unit."""
        output = "" if offline or not self._unit else self._show()
        code, enablement, errors = self._systemctl("is-enabled") if self._unit else (1, "", "")
        word = enablement.strip()
        # Of what has no unit file there is no word, as of a transient unit; without either nothing is known.
        if self._unit and code and not word and "No such file" not in errors:
            raise HostError(
                f"systemd does not say whether {self._unit} is enabled: {errors.strip()}", unit=self._unit
            )
        return Found(parse_status(output), "" if word == "not-found" else word, code == 0)

    def _show(self) -> str:
        code, output, errors = self._systemctl("show")
        is_users = {"--user", "--global"} & set(self._options)  # whose manager may not run
        if (code or not output.strip()) and not is_users:
            raise HostError(
                f"systemd tells nothing about {self._unit}: {errors.strip() or output.strip()}",
                unit=self._unit,
            )
        return output

    def order(self, verb: str) -> str:
        """Do something to the unit, or to the manager; gives systemd's complaint, or nothing where there is none."""
        code, output, errors = self._systemctl(verb)
        return "" if code == 0 else (errors.strip() or output.strip() or f"systemctl {verb} exits {code}")

    def _systemctl(self, verb: str) -> tuple[int, str, str]:
        about_unit = ["--", self._unit] if not verb.startswith("daemon-") else []
        command = ["systemctl", verb, *self._options, *about_unit]
        return self._run(command, environ_update={"LC_ALL": "C"})
