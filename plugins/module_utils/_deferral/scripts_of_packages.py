# SPDX-License-Identifier: GPL-3.0-or-later
"""The maintainer scripts of packages on a host: of the installed version, and of a newer one that apt has fetched.

A new version begins with its own preinst. That is on the host only once apt has fetched it; the one of the installed
version, which is nearly always the same, costs nothing to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.dpkg import installed_versions, read_packages
from .._host.systemd import Systemd, full_name
from .hold import owners_of
from .wants_hold import PREINST, PRERM, reasons

if TYPE_CHECKING:
    from typing import Iterable, Iterator, Sequence

    from .._host.runner import Runner
    from .wants_hold import Reason

MAX_BYTES = 1 << 18


@dataclass(frozen=True)
class Script:
    """A maintainer script, *preinst* or *prerm*, of a version of a package."""

    package: str
    version: str
    name: str
    text: str


@dataclass(frozen=True)
class Finding:
    """The script that tells why a package cannot be upgraded under some units, and its reason."""

    script: Script
    reason: Reason


class PackageScripts:
    """Reads maintainer scripts on a host."""

    def __init__(self, run: Runner, root: Path = Path("/")) -> None:
        """Take what runs commands, and the root below which dpkg and apt keep their files."""
        self._run, self._root = run, root
        self._installed = root / "var/lib/dpkg/info"
        self._fetched = root / "var/cache/apt/archives"

    def why_hold(self, units: Sequence[str]) -> Finding | None:
        """Tell why the packages of units cannot be upgraded while these run; nothing where no script says so."""
        packages = {package for unit in units for package in owners_of(self._run, unit, self._root)}
        if not packages:
            return None
        names = self._names_of(units)
        versions = installed_versions(read_packages(self._run, packages))
        for script in self._scripts(versions.items()):
            found = [reason for reason in reasons(script.name, script.text) if reason.concerns(names)]
            if found:
                return Finding(script, max(found, key=lambda reason: bool(reason.targets)))
        return None

    def _names_of(self, units: Sequence[str]) -> set[str]:
        asked = [full_name(unit).replace("@.", "@any.") for unit in units]
        known = Systemd(self._run).properties(asked, ["Names"])
        return {*asked, *(name for each in known.values() for name in each.get("Names", "").split())}

    def _scripts(self, versions: Iterable[tuple[str, str]]) -> Iterator[Script]:
        for package, version in sorted(versions):
            yield from self._newer(package, version)
            for name in (PREINST, PRERM):
                for path in (
                    *self._installed.glob(f"{package}.{name}"),
                    *self._installed.glob(f"{package}:*.{name}"),
                ):
                    yield Script(package, version, name, _text(path))

    def _newer(self, package: str, version: str) -> Iterator[Script]:
        """Read the preinst of newer versions that apt has fetched and not yet installed."""
        for path in sorted(self._fetched.glob(f"{package}_*.deb")):
            fetched = path.name.split("_")[1].replace("%3a", ":")
            if fetched == version or self._call("dpkg", "--compare-versions", fetched, "gt", version) is None:
                continue
            text = self._call("dpkg-deb", "--info", str(path), PREINST)
            if text is not None:
                yield Script(package, fetched, PREINST, text[:MAX_BYTES])

    def _call(self, *command: str) -> str | None:
        code, output, _errors = self._run(list(command), environ_update={"LC_ALL": "C"})
        return None if code else output


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:  # removed in this moment
        return ""


def refusal(service: str, variable: str, units: Iterable[str], finding: Finding) -> str:
    """Say that the package of a service is to be put on hold, why, and what to type."""
    return (
        f'{_why(service, units, finding)} Set "{variable}: hold" in the inventory, or "deferral: hold" in the '
        f'meta/service.yml of its role, so that the package waits as well; or "{variable}: block" in the inventory if '
        "you know better."
    )


def refusal_of_unit(unit: str, finding: Finding) -> str:
    """Say the same of a unit that is listed by itself."""
    return (
        f"{_why(unit, [unit], finding)} Put the package on hold with orderly.services.package_hold, as the role "
        "orderly.services.deferral does for services that say deferral: hold; or set force to true if you know better."
    )


def _why(what: str, units: Iterable[str], finding: Finding) -> str:
    script, reason = finding.script, finding.reason
    return (
        f"{script.package} cannot be upgraded while {', '.join(units)} runs, so the restarts of {what} cannot be "
        f"deferred by denying them: the {script.name} of version {script.version} {reason.why} (line {reason.line}: "
        f'"{reason.command}").'
    )
