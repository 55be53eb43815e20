# SPDX-License-Identifier: GPL-3.0-or-later
"""What needrestart knows: units that run deleted programs or libraries, and kernels that wait for a reboot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .errors import HostError

if TYPE_CHECKING:
    from .runner import Runner

_SERVICE = "NEEDRESTART-SVC:"
_VERSION = "NEEDRESTART-VER:"
# Of NEEDRESTART-KSTA, as needrestart's README.batch.md has them; 0 is "unknown or failed to detect".
_CURRENT = "1"
_KERNEL_STATES = (_CURRENT, "2", "3")


def parse_batch(output: str) -> list[str]:
    """Read the units out of what ``needrestart -b`` prints."""
    lines = (line for line in output.splitlines() if line.startswith(_SERVICE))
    return sorted({line[len(_SERVICE) :].strip() for line in lines} - {""})


def parse_kernel(output: str) -> str:
    """Read what ``needrestart -b -k`` says about the kernel: which one waits for a reboot; empty if none does."""
    lines = (line.partition(":") for line in output.splitlines())
    fields = {name: value.strip() for name, _colon, value in lines}
    state = fields.get("NEEDRESTART-KSTA", "")
    if state not in _KERNEL_STATES:
        raise HostError("needrestart does not know which kernel is running")
    if state == _CURRENT:
        return ""
    return f"kernel {fields.get('NEEDRESTART-KEXP')} is installed, but {fields.get('NEEDRESTART-KCUR')} is running"


def outdated_units(run: Runner, root: Path = Path("/")) -> list[str]:
    """Ask needrestart, which restarts nothing in batch mode; raises where it cannot tell."""
    return parse_batch(_ask(run, root, "-l", "-r", "l"))


def waiting_kernel(run: Runner, root: Path = Path("/")) -> str:
    """Ask needrestart about the kernel; raises where it cannot tell."""
    return parse_kernel(_ask(run, root, "-k"))


def _ask(run: Runner, root: Path, *options: str) -> str:
    program = root / "usr/sbin/needrestart"
    if not program.exists():
        raise HostError("needrestart is not installed")
    code, output, errors = run([str(program), "-b", *options], environ_update={"LC_ALL": "C"})
    if code != 0 or _VERSION not in output:
        complaint = (errors or output).strip().splitlines()
        raise HostError(f"needrestart failed: {complaint[-1] if complaint else f'exit status {code}'}")
    return output
