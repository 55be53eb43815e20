# SPDX-License-Identifier: GPL-3.0-or-later
"""What to think about before the restarts of a service are deferred, though nothing forbids it: read from its packages.

Some packages ask to stop a daemon before they replace its files, which databases may rely on. Some stop, without
asking, daemons of others that need them. And some bring further units, which packages go on restarting unless a
service has them too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._host.dpkg import read_packages
from .._host.systemd import Systemd
from .hold import owners_of
from .scripts_of_packages import MAX_BYTES
from .wants_hold import PREINST, PRERM, STOPS, asks_to_stop, base_name, reasons

if TYPE_CHECKING:
    from typing import Collection, Iterable, Iterator, Mapping, Sequence

    from .._host.runner import Runner
    from .wants_hold import Reason

_INFO = "var/lib/dpkg/info"
_SOURCED = re.compile(r"^\s*\.\s+/(usr/share/[\w./+-]+)", re.M)
_UNIT_FILE = re.compile(r"/(?:usr/)?lib/systemd/system/([^/@]+\.(?:service|socket))")
_SHOWN = 5


class Cautions:
    """Reads what the packages of a host say about its services."""

    def __init__(self, run: Runner, root: Path = Path("/")) -> None:
        """Take what runs commands, and the root below which dpkg keeps its files."""
        self._run = run
        self._root = root

    def of(self, services: Iterable[Mapping[str, Any]], strict: Collection[str] = ()) -> Iterator[str]:
        """Say it of each service; nothing of what is decided already, and of one in strict mode not what stops it.

        *services* have a ``name``, ``units``, the ``variable`` of their deferral, and may say that it is ``decided``.
        """
        services = tuple(services)
        listed = [unit for service in services for unit in service["units"]]
        for service in services:
            units = service["units"]
            owners = sorted({name for unit in units for name in owners_of(self._run, unit, self._root)})
            if not service.get("decided"):
                yield from self._asking(service)
                if service["name"] not in strict:
                    yield from self._stopping(service, owners)
            yield from self._siblings(service, owners, listed)

    def _asking(self, service: Mapping[str, Any]) -> Iterator[str]:
        """Name the first package that asks to stop the daemon before it replaces files."""
        bases = {base_name(unit) for unit in service["units"]}
        for path in sorted((self._root / _INFO).glob("*.p*")):
            text = _text(path) if path.suffix[1:] in (PREINST, PRERM) else ""
            # Most scripts are of others, and reading them as a shell would takes longer.
            if "stop" in text and any(base in text for base in bases):
                asked = asks_to_stop(self._with_sourced(text), service["units"])
                if asked:
                    yield _say_asks(service, path, asked)
                    return

    def _with_sourced(self, text: str) -> str:
        """Put the functions that a script takes from a file before it."""
        return "\n".join([*(_text(self._root / name) for name in _SOURCED.findall(text)), text])

    def _stopping(self, service: Mapping[str, Any], owners: Sequence[str]) -> Iterator[str]:
        """Name the packages that the service needs, and that stop whatever needs them; not those on hold."""
        needed = self._needed_by(owners)
        on_hold = (
            {each.name for each in read_packages(self._run, needed) if each.want == "hold"} if needed else ()
        )
        for package in needed:
            stops = [] if package in on_hold else [*self._stops(package, service["units"])]
            if stops:
                script, reason = stops[0]
                yield (
                    f"{service['name']}: an upgrade of {package}, which it needs, stops it without asking (its "
                    f'{script}, line {reason.line}: "{reason.command}"). While restarts are off, put that on hold too '
                    f"(apt-mark hold {package}), or {service['name']} into deferral_strict_services."
                )

    def _stops(self, package: str, units: Sequence[str]) -> Iterator[tuple[str, Reason]]:
        for script in (PRERM, PREINST):
            for path in self._files_of(package, script):
                for reason in reasons(script, _text(path)):
                    # What it does not name, it finds; what has no name at all is its own.
                    if reason.why == STOPS and reason.targets and reason.concerns(units):
                        yield script, reason

    def _files_of(self, package: str, kind: str) -> list[Path]:
        folder = self._root / _INFO
        return [folder / f"{package}.{kind}", *sorted(folder.glob(f"{package}:*.{kind}"))]

    def _needed_by(self, packages: Sequence[str]) -> list[str]:
        if not packages:
            return []
        command = ["dpkg-query", "--show", "--showformat=${Depends}, ${Pre-Depends}\\n", "--", *packages]
        output = self._run(command, environ_update={"LC_ALL": "C"})[1]
        names = {re.split(r"[ (:]", each.strip(), maxsplit=1)[0] for each in re.split(r"[,|\n]", output)}
        return sorted(names.difference(packages, [""]))

    def _siblings(
        self, service: Mapping[str, Any], owners: Iterable[str], listed: Sequence[str]
    ) -> Iterator[str]:
        """Name the units that come with those of the service, run, and are of no service."""
        systemd = Systemd(self._run)
        brought = sorted({unit for name in owners for unit in self._units_of(name)}.difference(listed))
        states = systemd.show(brought)
        names = (
            {name for state in systemd.show(listed).values() for name in state.names} if brought else set()
        )
        alone = [
            unit
            for unit in brought
            # One that drags a listed unit is blocked with it.
            if states[unit].is_active and names.isdisjoint((*states[unit].names, *states[unit].takes_along))
        ]
        if alone:
            more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
            them = "it" if len(alone) == 1 else "them"
            yield (
                f"{service['name']}: {', '.join(alone[:_SHOWN])}{more} came with its package, and no service has "
                f"{them}, so packages go on restarting {them}. Write into its units what must wait as well."
            )

    def _units_of(self, package: str) -> list[str]:
        return [unit for path in self._files_of(package, "list") for unit in _UNIT_FILE.findall(_text(path))]


def _say_asks(service: Mapping[str, Any], path: Path, asked: str) -> str:
    package, what = path.stem.split(":", 1)[0], re.sub(r"\$(?:\w+|\{\w+\})", "*", asked)
    return (
        f"{service['name']}: the package {package} asks to stop {what} before it replaces its files. While restarts "
        "are off it replaces them under the running daemon, which most databases do not bear. Decide, and write it "
        f'into the inventory: "{service["variable"]}: hold" lets the package wait as well, '
        f'"{service["variable"]}: block" lets it be upgraded all the same.'
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:  # there is none
        return ""
