# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict mode on a host: the drop-ins, and the timers that lift them should nobody else do."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.cluster import Cluster
from .._host.errors import HostError
from .._host.files import remove_drop_in, write_text
from .._host.systemd import STRICT_DROP_IN
from .strict import Strict, parse_strict

if TYPE_CHECKING:
    from typing import Iterable, Mapping

    from .._host.runner import Runner
    from .._host.systemd import Systemd


class StrictMode:
    """Sets strict mode, lifts it, and restarts a unit in spite of it."""

    def __init__(self, systemd: Systemd, run: Runner, root: Path = Path("/")) -> None:
        """Take systemd, the runner of commands, and the root below which the drop-ins are."""
        self._systemd = systemd
        self._run = run
        self._folder = root / "run/systemd/system"
        self._cluster = Cluster(run, root)

    def path(self, unit: str) -> Path:
        """Name the drop-in of a unit."""
        return self._folder / f"{unit}.d" / STRICT_DROP_IN

    def read(self) -> dict[str, Strict]:
        """Read which units are in strict mode."""
        texts = (self._text(path) for path in sorted(self._folder.glob(f"*.d/{STRICT_DROP_IN}")))
        return {strict.unit: strict for strict in map(parse_strict, texts) if strict}

    def put(self, wanted: Iterable[Strict]) -> None:
        """Put units into strict mode, each with a timer that lifts it: its time begins now."""
        wanted = tuple(wanted)
        for strict in wanted:
            self._arm(strict)  # before the drop-in: a run that is killed here must not leave one forever
            write_text(self.path(strict.unit), strict.render(str(self.path(strict.unit))))
        if wanted:
            self._systemd.must("daemon-reload")

    def lift(self, units: Iterable[str]) -> tuple[Strict, ...]:
        """Lift strict mode; gives what was lifted."""
        known = self.read()
        lifted = tuple(known[unit] for unit in units if unit in known)
        for strict in lifted:
            remove_drop_in(self.path(strict.unit))
        if lifted:
            self._systemd.must("daemon-reload")
            self._systemd.order("stop", *(strict.timer for strict in lifted))
        return lifted

    def restart(self, unit: str) -> str:
        """Restart a unit, in strict mode or not, and leave it as it was; gives systemd's complaint."""
        return self.order("restart", unit)

    def order(self, verb: str, unit: str) -> str:
        """Do something to a unit, in strict mode or not, and leave it as it was; gives systemd's complaint."""
        lifted = self.lift([unit])
        complaint = self._systemd.order(verb, unit)
        self.put(lifted)
        return complaint

    def cluster_units(self) -> Mapping[str, str]:
        """Give the units that pacemaker manages on this host."""
        try:
            return self._cluster.units()
        except HostError as exc:
            raise HostError(f"{exc} Strict mode is refused.") from exc

    @staticmethod
    def _text(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8", errors="backslashreplace")
        except FileNotFoundError:  # lifted this moment
            return ""

    def _arm(self, strict: Strict) -> None:
        self._systemd.order("stop", strict.timer)
        path = self.path(strict.unit)
        # No semicolon: systemd 252 does not read its own transient units with one right when it is reloaded.
        script = (
            f"rm -f {shlex.quote(str(path))} && rmdir --ignore-fail-on-non-empty {shlex.quote(str(path.parent))} && "
            "systemctl daemon-reload"
        )
        command = [
            "systemd-run", "--quiet", "--collect", f"--unit={strict.timer[: -len('.timer')]}",
            f"--on-active={strict.lift_after}", "--timer-property=AccuracySec=1s",
            f"--description=Lift strict mode of {strict.unit}", "--", "/bin/sh", "-c", script,
        ]  # fmt: skip
        code, output, errors = self._run(command, environ_update={"LC_ALL": "C"})
        if code != 0:
            raise HostError(
                f"The timer that lifts strict mode of {strict.unit} could not be set, so strict mode was not set"
                f" either: "
                f"{errors.strip() or output.strip()}",
                command=command,
            )
