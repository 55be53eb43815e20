# This is a private utility of the orderly.services collection; it may change without notice.
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What needrestart knows: units that run deleted programs or libraries, whoever replaced them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.module_utils._errors import HostError

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.module_utils._systemd import Runner

_SERVICE = "NEEDRESTART-SVC:"
_VERSION = "NEEDRESTART-VER:"


def parse_batch(output: str) -> list[str]:
    """Read the units out of what ``needrestart -b`` prints."""
    lines = (line for line in output.splitlines() if line.startswith(_SERVICE))
    return sorted({line[len(_SERVICE) :].strip() for line in lines} - {""})


def outdated_units(run: Runner, root: Path = Path("/")) -> list[str]:
    """Ask needrestart, which restarts nothing in batch mode; raises where it cannot tell."""
    program = root / "usr/sbin/needrestart"
    if not program.exists():
        raise HostError("needrestart is not installed")
    code, output, errors = run([str(program), "-b", "-l", "-r", "l"], environ_update={"LC_ALL": "C"})
    if code != 0 or _VERSION not in output:
        complaint = (errors or output).strip().splitlines()
        raise HostError(f"needrestart fails: {complaint[-1] if complaint else f'exit status {code}'}")
    return parse_batch(output)
