# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that packages ask: whether it is ours, and who is in its way."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.files import read_lines

if TYPE_CHECKING:
    from typing import Any, Iterator

    from .._host.runner import Runner

_TEMPORARY = re.compile(r"#!/bin/sh\nexit \d+\n?")
_DENIES_ALL = re.compile(r"exit\s+(?!(?:0|104|105)\b)\d+;?")
_COMMENT = re.compile(r"\s*(?:#.*)?")
_ZG2 = "usr/sbin/zg-policy-rc.d"
_ZG2_ASKS_FIRST = ("etc/zg-policy-rc.d.conf", "usr/local/sbin/policy-rc.d")


SET_UP = (
    "Run the playbook orderly.services.defer_restarts for this host. It sets up the hosts that run a service: one "
    "with a line like units: [NAME.service] in the meta/service.yml of its role, or in orderly_services of the "
    "inventory, and this host in its group."
)


@dataclass(frozen=True)
class ScriptState:
    """Whether packages ask our script, and whom else they would.

    A *leftover* is what ``ansible.builtin.apt`` with ``policy_rc_d`` has put into the place of our registered script:
    nobody to be asked, but something to be cleared away.
    """

    installed: bool
    registered: bool
    in_force: bool
    neighbour: str
    chained: str
    leftover: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return dict(vars(self))


class PolicyScript:
    """The script that packages ask, among the alternatives for it."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the script is."""
        self._root = root
        self.path = root / "usr/lib/orderly/policy-rc.d"
        self.chained = root / "usr/lib/orderly/policy-rc.d.chained"
        self.asked = root / "usr/sbin/policy-rc.d"

    def state(self) -> ScriptState:
        """Tell who is asked now: us, or a neighbour."""
        asked = self.asked.resolve()
        ours = self.path.exists() and asked == self.path.resolve()
        registered = self._is_registered()
        leftover = registered and self._is_temporary()
        return ScriptState(
            installed=self.path.exists(),
            registered=registered,
            in_force=ours and os.access(asked, os.X_OK),
            neighbour=str(asked) if asked.exists() and not ours and not leftover else "",
            chained=str(self.chained.resolve()) if self.chained.exists() else "",
            leftover=leftover,
        )

    def _is_registered(self) -> bool:
        return str(self.path) in read_lines(self._root / "var/lib/dpkg/alternatives/policy-rc.d")

    def _is_temporary(self) -> bool:
        return not self.asked.is_symlink() and bool(_TEMPORARY.fullmatch("\n".join(read_lines(self.asked))))

    def tell(self, run: Runner) -> None:
        """Let the script read the policies, so that it knows them should they become unreadable."""
        if self.path.exists():
            run([str(self.path), "--list"], environ_update={"LC_ALL": "C"})

    def why_nobody_asks(self) -> str:
        """Say why a policy would have no effect on this host; an empty text where packages ask some script."""
        if self.path.exists() or self.asked.exists():
            return ""
        return f"No package asks for policies here: {self.asked} is not there, so nothing would be deferred. {SET_UP}"

    def trouble(self) -> list[str]:
        """Say what the script itself could not do, and which neighbours are in its way."""
        return [*read_lines(self._root / "run/orderly/policy.trouble"), *self._neighbours()]

    def _denies_all(self) -> bool:
        """Tell whether the script that is asked first has one answer alone, a refusal, as images leave it behind."""
        lines = [line.strip() for line in read_lines(self.chained) if not _COMMENT.fullmatch(line)]
        return len(lines) == 1 and bool(_DENIES_ALL.fullmatch(lines[0]))

    def _neighbours(self) -> Iterator[str]:
        if not self.path.exists():
            return
        if self._is_registered() and self._is_temporary():
            yield (
                f"{self.asked} is a script that gives every caller the same answer, in place of ours: "
                "ansible.builtin.apt with policy_rc_d installs it while it runs, and leaves it behind if it is "
                "killed, or if /tmp is on another file system. Nothing that it denies is recorded. If no packages "
                "are being installed now, run the playbook defer_restarts or allow_restarts: both put ours back first."
            )
        if self._denies_all():
            yield (
                f"The script that was here before, {self.chained.resolve()}, is asked first and denies everything: no "
                "package can start, restart or stop any unit, listed or not (each time is recorded, in its name). "
                "Images of containers leave such a script behind. If nothing else wants it, stop asking it: "
                f"rm {self.chained}"
            )
        if (self._root / _ZG2).exists() and not any((self._root / name).exists() for name in _ZG2_ASKS_FIRST):
            yield (
                f"The package policyrcd-script-zg2 is installed; it runs {self._root / 'etc/policy-rc.d'}, which is "
                "a folder here, so packages may fail when they ask its script. Remove the package, or give it a "
                "script at /usr/local/sbin/policy-rc.d."
            )
