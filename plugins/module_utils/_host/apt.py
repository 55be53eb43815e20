# SPDX-License-Identifier: GPL-3.0-or-later
"""Newer versions of packages: what apt would change, and doing it, without more on the host than apt itself.

The options are those that ``ansible.builtin.apt`` gives: a changed configuration file stays as it is, nobody is asked.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .dpkg import read_packages, unfinished
from .dpkg_lock import DpkgLock
from .errors import HostError

if TYPE_CHECKING:
    from typing import Callable, Iterable, Sequence

    from .runner import Runner

# With APT::Get::Purge it calls a removal so.
_CHANGE = re.compile(r"^(Inst|Remv|Purg) (\S+)(?: \[([^\]]+)\])?(?: \((\S+))?", re.MULTILINE)
_CONFIGURED = re.compile(r"^Conf (\S+)", re.MULTILINE)
_URI = re.compile(r"^'(?!file:)\S+' \S+\.deb ", re.MULTILINE)  # what is in a folder of the host is used there
_STAMP = "var/lib/apt/periodic/update-success-stamp"
_LISTS = "var/lib/apt/lists"
_JOURNAL = "var/lib/dpkg/updates"
_UPDATE = (
    "apt-get",
    "update",
    "--option",
    "APT::Update::Error-Mode=any",
)  # else it calls a failed download a success
_UNREAD = (
    "Some index files failed to download"  # apt before 2.1.16, so Ubuntu 20.04, does not know that option
)
_BUSY = "Could not get lock"
_PAUSE = 2
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",  # C alone would not let it unpack files of other names
    "LANGUAGE": "",  # else it comes before C.UTF-8, other than before C
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
}


@dataclass(frozen=True)
class Upgrade:
    """A package that apt changes; *before* is empty where it is new, *after* where it goes."""

    package: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.package} {self.before or '(not there)'} → {self.after or '(removed)'}"


@dataclass(frozen=True)
class Apt:
    """Upgrades packages; *seconds* is how long it waits for another apt or dpkg."""

    run: Runner
    seconds: int = 60
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    root: Path = Path("/")

    def foresee(self, packages: Sequence[str], *, held: bool = False) -> tuple[Upgrade, ...]:
        """Tell what an upgrade of installed packages would change; *held* ones are only looked at where that is said.

        Raises HostError where none is named, one is not installed, is on hold, or would cost another package, and where
        dpkg has to finish something first. What another dpkg is about is waited for, as a simulation takes no lock.
        """
        if not packages:
            raise HostError(
                "No package is named, so nothing would be upgraded. Name at least one in packages."
            )
        DpkgLock(self.seconds, self.root, self.clock, self.sleep).wait()
        self._must_be_installed(packages)
        simulated = self._install(packages, "--simulate", *_also_held(True))
        found = parse_changes(simulated)
        if gone := [each.package for each in found if not each.after]:
            raise HostError(
                f"apt would remove {', '.join(gone)} to upgrade {', '.join(packages)}. Nothing was changed. See "
                "apt-get install --simulate, and do it by hand if that is what you want.",
                removed=gone,
            )
        if not held and (kept := self._on_hold(each.package for each in found)):
            raise HostError(
                f"apt would upgrade {', '.join(kept)}, but that is on hold. Nothing was changed. To have it upgraded, "
                f"release it: apt-mark unhold {' '.join(kept)}.",
                held=kept,
            )
        if found:
            self._must_be_finished({*_CONFIGURED.findall(simulated)} - {each.package for each in found})
        return found

    def is_to_fetch(self, packages: Sequence[str], *, held: bool = False) -> bool:
        """Tell whether an upgrade would have to download anything."""
        return bool(_URI.search(self._install(packages, "--print-uris", *_also_held(held))))

    def fetch(self, packages: Sequence[str], *, held: bool = False) -> None:
        """Download what an upgrade would install."""
        self._install(packages, "--download-only", *_also_held(held))

    def upgrade(self, packages: Sequence[str]) -> None:
        """Install newer versions of installed packages."""
        self._install(packages, "--no-remove")

    def refresh(self, older_than: float) -> bool:
        """Read the index anew if it is older than so many seconds; tells whether it was."""
        if time.time() - index_time(self.root) < older_than:
            return False
        code, _output, errors = self._ask(_UPDATE)
        if complaint := _complaint(code, errors) or (_warnings(errors) if _UNREAD in errors else ""):
            raise HostError(f"apt-get update fails: {complaint}")
        return True

    def _must_be_installed(self, packages: Sequence[str]) -> None:
        there = {
            name for each in read_packages(self.run, packages) if each.is_installed
            for name in (each.name, each.full_name)
        }  # fmt: skip
        if missing := [name for name in packages if name not in there and not self._is_of_architecture(name)]:
            raise HostError(
                f"{', '.join(missing)} is not installed, or dpkg has not finished with it. An upgrade installs nothing "
                "that was not there: install it first, or run dpkg --configure -a.",
                missing=missing,
            )

    def _is_of_architecture(self, name: str) -> bool:
        """Tell whether it is the name of an installed package with its architecture, where dpkg itself says none."""
        package, colon, _architecture = name.partition(":")
        found = read_packages(self.run, [name]) if colon else ()
        return any(each.is_installed and each.name == package for each in found)

    def _must_be_finished(self, others: Iterable[str]) -> None:
        """Refuse what apt would do besides, and fail with, when the daemon has been stopped already."""
        wanted = [*others]
        left = unfinished(read_packages(self.run, wanted)) if wanted else []
        if any(path.name.isdigit() for path in (self.root / _JOURNAL).glob("*")):
            left = left or ["it was interrupted: run dpkg --configure -a"]
        if left:
            raise HostError(
                f"dpkg has to finish first what it has begun: {'; '.join(left)}. Nothing was changed. Run this again "
                "after that.",
                unfinished=left,
            )

    def _on_hold(self, names: Iterable[str]) -> list[str]:
        wanted = [*names]
        packages = read_packages(self.run, wanted) if wanted else ()
        return [package.full_name for package in packages if package.want == "hold"]

    def _install(self, packages: Sequence[str], *options: str) -> str:
        command = [
            "apt-get", "install", "--yes", "--only-upgrade",
            "--option", "Dpkg::Options::=--force-confdef", "--option", "Dpkg::Options::=--force-confold",
            "--option", f"DPkg::Lock::Timeout={self.seconds}", "--no-auto-remove", *options, "--", *packages,
        ]  # fmt: skip
        code, output, errors = self._ask(command)
        if complaint := _complaint(code, errors):
            raise HostError(
                f"apt-get install fails: {complaint}", command=command, stdout=output, stderr=errors
            )
        return output

    def _ask(self, command: Sequence[str]) -> tuple[int, str, str]:
        """Run apt, again while somebody else holds a lock: for those of index and archive apt itself does not wait."""
        deadline = self.clock() + self.seconds
        while True:
            code, output, errors = self.run(command, environ_update=_ENVIRONMENT)
            if not code or _BUSY not in errors or self.clock() >= deadline:
                return code, output, errors
            self.sleep(_PAUSE)


def parse_changes(output: str) -> tuple[Upgrade, ...]:
    """Read what ``apt-get --simulate`` says that it would do, each package once."""
    found = {
        name: Upgrade(name, before, after if verb == "Inst" else "")
        for verb, name, before, after in _CHANGE.findall(output)
    }
    return tuple(found.values())


def index_time(root: Path) -> float:
    """Tell when the index was read the last time, as ``ansible.builtin.apt`` does; 0 where it never was."""
    for name in (_STAMP, _LISTS):
        if (root / name).exists():
            return (root / name).stat().st_mtime
    return 0


def _complaint(code: int, errors: str) -> str:
    said = [line for line in errors.splitlines() if line.startswith("E: ")] or errors.split("\n")
    return " ".join(said).strip() or f"it exits with {code}" if code else ""


def _warnings(errors: str) -> str:
    return " ".join(line for line in errors.splitlines() if line.startswith("W: "))


def _also_held(held: bool) -> Sequence[str]:
    return ("--ignore-hold", "--allow-change-held-packages") if held else ()
