# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that cannot be upgraded under a running daemon: which to hold, and which holds are ours to release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from .._host.documents import read_document, write_document
from .._host.errors import HostError
from .._host.files import read_text, remove
from .._host.systemd import Systemd, full_name
from .programs import PROPERTIES, read_programs

if TYPE_CHECKING:
    from typing import Iterable

    from .._host.dpkg_lock import DpkgLock
    from .._host.runner import Runner

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")


@dataclass(frozen=True)
class HoldPlan:
    """What to put on hold, what to release, and which holds are ours after that."""

    hold: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()


def plan_hold(wanted: Iterable[str], on_hold: Sequence[str], ours: Sequence[str]) -> HoldPlan:
    """Put packages on hold; one that somebody else holds already stays theirs."""
    hold = tuple(sorted(set(wanted) - set(on_hold)))
    return HoldPlan(hold=hold, ours=tuple(sorted({*ours, *hold})))


def plan_release(wanted: Iterable[str], on_hold: Sequence[str], ours: Sequence[str]) -> HoldPlan:
    """Release packages, all of ours where none is named; never one that somebody else holds."""
    mine = set(ours) & set(wanted or ours)
    return HoldPlan(release=tuple(sorted(mine & set(on_hold))), ours=tuple(sorted(set(ours) - mine)))


def to_hold_again(
    lifted: Iterable[str], wanted: Sequence[str], release: Iterable[str] = (), *, for_upgrade: bool = False
) -> tuple[str, ...]:
    """Tell which packages are yet to be put on hold again, as they were only released for an upgrade.

    *lifted* are those of earlier upgrades; whoever holds or releases packages for good settles the *wanted* ones, all
    where none is named.
    """
    left = {*lifted, *release} if for_upgrade else {*lifted}.difference(wanted or lifted)
    return tuple(sorted(left))


def check_packages(names: Iterable[str]) -> list[str]:
    """Insist that names are those of packages."""
    for name in names:
        if not _PACKAGE.fullmatch(name):
            raise HostError(
                f'"{name}" is not a package name; expected something like mariadb-server.', package=name
            )
    return list(names)


def as_apt_lists_them(run: Runner, names: Sequence[str]) -> list[str]:
    """Name packages as ``apt-mark showhold`` does: without the architecture where it is the host's own."""
    if not any(":" in name for name in names):
        return list(names)
    code, output, errors = run(["dpkg", "--print-architecture"], environ_update={"LC_ALL": "C"})
    if code:
        raise HostError(f"dpkg --print-architecture failed: {errors.strip()}", rc=code)
    own = f":{output.strip()}"
    return [name[: -len(own)] if name.endswith(own) else name for name in names]


def packages_of(run: Runner, units: Sequence[str]) -> list[str]:
    """Find the packages that a unit and its program come from."""
    found: set[str] = set()
    for unit in units:
        owners = owners_of(run, unit)
        if not owners:
            raise HostError(
                f"No package owns {unit}, so there is nothing to put on hold. Name the packages, or set "
                "<service>_deferral to block if it is not upgraded with apt.",
                unit=unit,
            )
        found |= owners
    return sorted(found)


def owners_of(run: Runner, unit: str, root: Path = Path("/")) -> set[str]:
    """Name the packages that a unit and its programs come from; none for what was installed without one.

    The package of a shell or an interpreter is none of them: it does not say whose the unit is.
    """
    unit = full_name(unit).replace("@.", "@any.")  # systemd tells nothing of a template itself
    values = Systemd(run).properties([unit], ["FragmentPath", *PROPERTIES])[unit]
    programs = read_programs(values, root)
    files = [path for path in (values.get("FragmentPath", ""), *programs.own) if path]
    return owners_of_files(run, files) | owners_of_named(run, programs.named)


def owners_of_named(run: Runner, programs: Sequence[str]) -> set[str]:
    """Name the packages of programs that the arguments of a shell name, but for those that every Debian has."""
    owners = owners_of_files(run, programs)
    if not owners:
        return set()
    command = ["dpkg-query", "--show", "--showformat=${Essential} ${Package}\\n", "--", *sorted(owners)]
    lines = run(command, environ_update={"LC_ALL": "C"})[1].splitlines()
    return owners.difference(line.split()[-1] for line in lines if line.startswith("yes "))


def owners_of_files(run: Runner, paths: Sequence[str]) -> set[str]:
    """Ask dpkg who owns files, under both names that they have where /usr is merged."""
    both = sorted({name for path in paths for name in (path, _other_name(path))})
    if not both:
        return set()
    output = run(["dpkg-query", "--search", "--", *both], environ_update={"LC_ALL": "C"})[1]
    lines = (
        line.split(": ", 1)[0] for line in output.splitlines() if ": /" in line and "diversion" not in line
    )
    return {package.split(":")[0] for line in lines for package in line.split(", ")}


def _other_name(path: str) -> str:
    return path[len("/usr") :] if path.startswith(("/usr/lib/", "/usr/bin/", "/usr/sbin/")) else f"/usr{path}"


def on_hold(run: Runner) -> list[str]:
    """Read which packages are on hold, ours and others'."""
    code, output, errors = run(["apt-mark", "showhold"], environ_update={"LC_ALL": "C"})
    if code:
        raise HostError(f"apt-mark showhold failed: {errors.strip() or output.strip()}", rc=code)
    return output.split()


def held_units(run: Runner, units: Iterable[str]) -> list[str]:
    """Name the units that no upgrade touches, because the packages that they come from are on hold."""
    held = set(on_hold(run))
    return [unit for unit in units if held and held.issuperset(owners_of(run, unit) or {""})]


def mark(run: Runner, how: str, packages: Sequence[str], lock: DpkgLock) -> None:
    """Put packages on hold, or release them, as soon as no other dpkg is at work."""
    if not packages:
        return
    command = ["apt-mark", how, "--", *packages]
    while True:
        lock.wait()
        code, output, errors = run(command, environ_update={"LC_ALL": "C"})
        if not code:
            return
        if not lock.holder():  # nobody was faster than we
            raise HostError(
                f"{' '.join(command)} failed: {errors.strip() or output.strip()}", command=command, rc=code
            )


class HoldFile:
    """The list of packages that we put on hold, and of those that upgrades released and have yet to put there again."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the file is."""
        self.path = root / "var/lib/orderly/holds"

    def read(self) -> list[str]:
        """Read the names of the packages."""
        try:
            if not read_text(self.path).startswith("{"):  # as the first versions wrote it, one a line
                return read_text(self.path).split()
            return list(read_document(self.path).get("packages") or ())
        except OSError:  # there is none, or only root can tell
            return []

    def lifted(self) -> list[str]:
        """Read the names of the packages that were released for an upgrade, and are yet to be put on hold again."""
        try:
            is_document = read_text(self.path).startswith("{")
            return list(read_document(self.path).get("lifted") or ()) if is_document else []
        except OSError:
            return []

    def write(self, packages: Sequence[str], lifted: Sequence[str] = ()) -> None:
        """Write the names of the packages; without any there is no file."""
        if not packages and not lifted:
            remove([self.path])
        elif (list(packages), list(lifted)) != (self.read(), self.lifted()):
            write_document(self.path, {"packages": list(packages), "lifted": list(lifted)})
