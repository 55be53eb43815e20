# SPDX-License-Identifier: GPL-3.0-or-later
"""Which boot of a host this is, whether it needs another one, and whether that would end the run that asks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .files import boot_id

if TYPE_CHECKING:
    from typing import Any, Mapping

ROOT = Path("/")


def this_boot(root: Path = ROOT) -> str:
    """Tell this boot from every other.

    The boot id is the kernel's: a container keeps it when it boots again, but its first process is another one then,
    and the kernel counts when that began. On a machine of its own the boot id alone is enough. A soft-reboot keeps
    both, and is none.
    """
    started = _start_time(root / "proc/1/stat")
    return f"{boot_id(root)}/{started}"


def asked_by_packages(root: Path = ROOT) -> str:
    """Say which packages ask for a reboot, as those of Debian and Ubuntu do; empty if none does."""
    if not (root / "run/reboot-required").exists():
        return ""
    try:
        text = (root / "run/reboot-required.pkgs").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    packages = ", ".join(dict.fromkeys(text.split()))
    return f"packages requested a reboot: {packages}" if packages else "packages requested a reboot"


def is_home_of(run: Mapping[str, Any], root: Path = ROOT) -> bool:
    """Tell whether a run of ansible-playbook is a process of this host, be it inside a container here.

    Then a reboot of this host would end that run. The process is looked for by what no two have in common: its PID in
    its own namespace, and when it began in this boot of the kernel. A host in a container does not see processes of
    others, though it shares their kernel; one that sees the process but may not look closer is taken for its home.
    """
    if run["boot"] != boot_id(root):
        return False
    return any(_is_process(run, folder) for folder in (root / "proc").glob("[0-9]*"))


def _is_process(run: Mapping[str, Any], folder: Path) -> bool:
    try:
        if _start_time(folder / "stat") != run["started"] or _inner_pid(folder / "status") != run["pid"]:
            return False
        namespace = os.readlink(str(folder / "ns/pid"))
    except PermissionError:
        return True
    except (FileNotFoundError, ProcessLookupError):
        return False
    return namespace == run["namespace"]


def _start_time(stat: Path) -> int:
    # The second field is a program's name in parentheses and may hold anything, so count from its end.
    fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return int(fields[19])


def _inner_pid(status: Path) -> int:
    """Read the PID that a process has in its own, innermost namespace."""
    for line in status.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0
