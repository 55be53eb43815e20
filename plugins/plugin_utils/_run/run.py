"""Which run of ansible-playbook holds something, and whether that run is provably over.

Nothing here expires and no clock is compared: a run is over when its own controller says that the process is
gone.
"""

from __future__ import annotations

import getpass
import hashlib
import multiprocessing
import os
import pwd
import socket
from contextlib import suppress
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.errors import ControllerError
from .._common.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

PROC = Path("/proc")
MACHINE_ID = Path("/etc/machine-id")
WHOLE_MACHINE = (
    "pid:[4026531836]"  # the first namespace has this number on every machine; any other is a container's
)


class RunError(ControllerError):
    """The run that asks is over itself."""


class RunState(StrEnum):
    """What this process can tell about a run."""

    LIVE = "live"
    OVER = "over"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """Say it of the run of something, as a part of a sentence."""
        return {
            RunState.LIVE: "its run works",
            RunState.OVER: "its run is over",
            RunState.UNKNOWN: "whether its run still works cannot be seen from here",
        }[self]


@dataclass(frozen=True)
class Run:
    """One process of ansible-playbook, told from every other, before and after a reboot.

    A machine may get its id in the middle of a run, from a package that it installs: that makes it no other one.
    """

    controller: str
    machine: str = field(compare=False)
    boot: str
    namespace: str
    pid: int
    started: int

    @property
    def id(self) -> str:
        """A name of the run that is unique and still tells a person where to look.

        Containers of one machine may share a name, and each counts its processes from 1.
        """
        container = "" if self.namespace == WHOLE_MACHINE else f"-{self.namespace.strip('pid:[]')}"
        return f"{self.controller}-{self.boot[:8]}-{self.pid}-{self.started}{container}"

    def __str__(self) -> str:
        """Say which process on which machine, as a person would look for it."""
        return f"PID {self.pid} on {self.controller}"

    def as_document(self) -> dict[str, Any]:
        """Give the run as plain data."""
        return dict(vars(self))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Run:
        """Read a run from plain data; raises KeyError, TypeError or ValueError if it is none."""
        values = list(map(document.__getitem__, NAMES))
        for name, value, kind in zip(NAMES, values, KINDS, strict=True):
            if type(value).__name__ != kind:
                raise TypeError(f"{name} is {value!r}")
        return cls(*values)


# Asked for once: whoever waits reads the runs of a whole queue, again and again.
NAMES, KINDS = zip(*((each.name, each.type) for each in fields(Run)), strict=True)


def operator() -> str:
    """Name who runs this, and on which controller, for people who find what was done.

    Anybody can set LOGNAME and its like: a name that comes from there stands beside that of the user id, which is who
    it is to the machine.
    """
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    with suppress(KeyError, OSError):  # neither a variable nor an entry
        said = printable(getpass.getuser())
        user += "" if said == user else f" (as {said})"
    return f"{user} on {socket.gethostname()}"


def this_run(pid: int | None = None, *, proc: Path = PROC, machine_id: Path = MACHINE_ID) -> Run:
    """Identify the run whose ansible-playbook process is *pid*, by default the current process."""
    pid = os.getpid() if pid is None else pid
    started = _start_time(pid, proc)
    if started is None:
        raise RunError(_ended(pid))
    return Run(
        controller=socket.gethostname(),
        machine=_machine(machine_id),
        boot=(proc / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip(),
        namespace=str((proc / "self/ns/pid").readlink()),
        pid=pid,
        started=started,
    )


def run_of_worker() -> Run:
    """Identify the run that forked this process, one of Ansible's workers.

    Raises :class:`RunError` where that has ended: the parent of an orphan is whoever takes orphans in, PID 1 say, and a
    slot that it held would never be given back.
    """
    forked_by, parent = multiprocessing.parent_process(), os.getppid()
    if forked_by is not None and forked_by.pid != parent:
        raise RunError(_ended(forked_by.pid))
    return this_run(parent)


def _ended(pid: int | None) -> str:
    return f"ansible-playbook, PID {pid}, has ended while its task was still running."


def _machine(machine_id: Path) -> str:
    """Tell machines of one name apart, without showing an id that systemd asks to keep from others."""
    secret = machine_id.read_text(encoding="utf-8").strip() if machine_id.exists() else ""
    return hashlib.sha256(f"orderly.services {secret}".encode()).hexdigest()[:16] if secret else ""


def run_state(run: Run, here: Run, *, proc: Path = PROC) -> RunState:
    """Tell from the machine of the run *here* whether *run* still goes on, as far as that can be proven."""
    if run.controller != here.controller or _differ(run.machine, here.machine):
        return RunState.UNKNOWN
    if run.boot != here.boot:
        # Two containers may share a name and, by their image, a machine id: only a whole machine was booted since.
        is_whole = run.namespace == here.namespace == WHOLE_MACHINE
        booted = is_whole and run.machine == here.machine != ""
        return RunState.OVER if booted else RunState.UNKNOWN
    if run.namespace != here.namespace:
        return RunState.UNKNOWN
    return _process_state(run, proc)


def _differ(machine: str, other: str) -> bool:
    return "" not in (machine, other) and machine != other


def _process_state(run: Run, proc: Path) -> RunState:
    try:
        started = _start_time(run.pid, proc)
    except PermissionError:
        return RunState.UNKNOWN
    if started is None:
        return RunState.UNKNOWN if _is_hidden(run.pid) else RunState.OVER
    return RunState.LIVE if started == run.started else RunState.OVER


def _start_time(pid: int, proc: Path) -> int | None:
    """Read when the process began, in the kernel's count; ``None`` if there is none, or only its zombie."""
    try:
        with open(f"{proc}/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is a program's name in parentheses and may hold anything, so count from its end.
    state, *rest = stat.rpartition(b")")[2].split()
    return None if state in {b"Z", b"X"} else int(rest[18])


def _is_hidden(pid: int) -> bool:
    """Tell whether the process exists though /proc, mounted with hidepid, does not show it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return False
