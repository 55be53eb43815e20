# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg knows about packages: a version means nothing without the state that the package is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import HostError

if TYPE_CHECKING:
    from typing import Iterable, Sequence

    from .runner import Runner

_FIELDS = ("db:Status-Want", "db:Status-Status", "db:Status-Eflag", "Package", "binary:Package", "Version")
_ABSENT = ("not-installed", "config-files")
_CONFIGURE = "run dpkg --configure -a"
_UNFINISHED = {
    "unpacked": f"is unpacked, not configured: {_CONFIGURE}",
    "half-configured": f"is half-configured: {_CONFIGURE}",
    "triggers-awaited": f"waits for triggers of other packages: {_CONFIGURE}",
    "triggers-pending": f"has triggers that have not run: {_CONFIGURE}",
}
_AGAIN = "is half-installed: run apt-get install --reinstall {}"


@dataclass(frozen=True)
class Package:
    """A package as dpkg has it on file; *full_name* has the architecture where the name alone is not enough."""

    want: str
    state: str
    flag: str
    name: str
    full_name: str
    version: str

    @property
    def is_installed(self) -> bool:
        """Whether dpkg has finished with it, so that its version is the one that is there; on hold or not."""
        return self.state == "installed" and self.flag == "ok"

    @property
    def unfinished(self) -> str:
        """Say what dpkg has not finished, and what to do; an empty text where there is nothing."""
        if self.is_installed or self.state in _ABSENT:
            return ""
        return f"{self.full_name} {_UNFINISHED.get(self.state, _AGAIN).format(self.full_name)}"


def read_packages(run: Runner, names: Iterable[str] = ()) -> tuple[Package, ...]:
    """Read packages at once, all that dpkg knows where none is named."""
    wanted = sorted({*names})
    format_ = "\\t".join(f"${{{field}}}" for field in _FIELDS) + "\\n"
    command = ["dpkg-query", "--show", f"--showformat={format_}", *(["--", *wanted] if wanted else [])]
    code, output, errors = run(command, environ_update={"LC_ALL": "C"})
    if code > 1:  # one says that some of the names are unknown
        raise HostError(f"dpkg-query fails: {errors.strip() or output.strip()}", command=command, rc=code)
    lines = (line.split("\t") for line in output.splitlines())
    return tuple(Package(*fields) for fields in lines if len(fields) == len(_FIELDS))


def unfinished(packages: Iterable[Package]) -> list[str]:
    """Say of each package that dpkg has not finished with what it is."""
    return [package.unfinished for package in packages if package.unfinished]


def installed_versions(packages: Iterable[Package]) -> dict[str, str]:
    """Give the versions of packages; those that are not installed, or not yet, are left out."""
    return {package.name: package.version for package in packages if package.is_installed}


def known_versions(packages: Iterable[Package]) -> dict[str, str]:
    """Give the versions of packages that are there, empty for one that dpkg has not finished with."""
    there = (package for package in packages if package.state not in _ABSENT)
    return {package.name: package.version if package.is_installed else "" for package in there}


def package_versions(
    run: Runner, packages: Sequence[Package], names: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Tell which versions of packages are installed, and which apt would install now; empty where there is none."""
    wanted = sorted({*names})
    if not wanted:
        return {}
    installed, candidates = installed_versions(packages), _candidates(run, wanted)
    return {
        name: {"installed": installed.get(name, ""), "candidate": candidates.get(name, "")} for name in wanted
    }


def held_packages(run: Runner, packages: Iterable[Package]) -> list[dict[str, str]]:
    """Tell which packages are on hold, and what apt would install in place of each."""
    held = {package.full_name: package.version for package in packages if package.want == "hold"}
    candidates = _candidates(run, list(held)) if held else {}
    return [
        {"package": package, "version": version, "candidate": candidates.get(package, "")}
        for package, version in held.items()
    ]


def _candidates(run: Runner, packages: list[str]) -> dict[str, str]:
    code, output, errors = run(["apt-cache", "policy", "--", *packages], environ_update={"LC_ALL": "C"})
    if code and not output.strip():
        raise HostError(f"apt-cache policy fails: {errors.strip()}", rc=code)
    found: dict[str, str] = {}
    package = ""
    for line in output.splitlines():
        if not line.startswith(" "):
            package = line.rstrip(":")
        elif line.startswith("  Candidate: "):
            candidate = line.split(": ", 1)[1].strip()
            found[package] = "" if candidate == "(none)" else candidate
    return found
