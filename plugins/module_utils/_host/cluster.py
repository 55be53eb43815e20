# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units a cluster manager, pacemaker, starts and stops on this host: nobody else may, or it fences the host."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import HostError

if TYPE_CHECKING:
    from typing import Iterable, Mapping, Sequence

    from .runner import Runner

_REMOTE = "pacemaker_remote.service"
_AGENTS = ("systemd", "service", "lsb")
"""The classes of resource agents behind which a unit of systemd stands: of an init script there is one, too."""
_UNIT_TYPES = re.compile(r"\.(service|socket|target|timer|path|mount)$")


def cluster_units(cib: str) -> dict[str, str]:
    """Give the units that pacemaker starts and stops, as its configuration says, with the resource of each."""
    try:
        resources = ET.fromstring(cib).iter()  # noqa: S314 - it is root's own file, written by the cluster
    except ET.ParseError as exc:
        raise HostError(f"The configuration of pacemaker cannot be read: {exc}.") from exc
    return {
        _with_suffix(each.get("type", "")): each.get("id", "")
        for each in resources
        if each.tag in ("primitive", "template") and each.get("class") in _AGENTS
    }


def _with_suffix(unit: str) -> str:
    return unit if _UNIT_TYPES.search(unit) else f"{unit}.service"


class Cluster:
    """What pacemaker's files, or systemd, say of this host's part in a cluster."""

    def __init__(self, run: Runner, root: Path = Path("/")) -> None:
        """Take the runner of commands, and the root below which the files are."""
        self._run = run
        self._cib = root / "var/lib/pacemaker/cib/cib.xml"
        self._remoted = [root / "usr/sbin" / name for name in ("pacemaker-remoted", "pacemaker_remoted")]

    def units(self) -> dict[str, str]:
        """Give the units that the cluster manages, with the resource of each; raises where nobody here can know."""
        if self._cib.exists():
            return cluster_units(self._cib.read_text(encoding="utf-8", errors="backslashreplace"))
        if self._is_remote():
            raise HostError(
                "This host is a remote node of pacemaker, whose configuration is elsewhere, so it is unknown here "
                "which units the cluster must be able to stop."
            )
        return {}

    def claims(self, units: Sequence[Iterable[str]]) -> list[str]:
        """Say of units, each with all its names, why they are the cluster's alone; an empty text where one is not."""
        if not self._cib.exists() and not any(path.exists() for path in self._remoted):
            return [""] * len(units)
        try:
            managed = self.units()
        except HostError as exc:
            return [str(exc)] * len(units)
        return [_claim(managed, names) for names in units]

    def _is_remote(self) -> bool:
        command = ["systemctl", "show", "--property=ActiveState", "--", _REMOTE]
        _code, output, _errors = self._run(command, environ_update={"LC_ALL": "C"})
        return "ActiveState=active" in output.splitlines()


def _claim(managed: Mapping[str, str], names: Iterable[str]) -> str:
    resource = next((managed[name] for name in names if name in managed), None)
    if resource is None:
        return ""
    return (
        f"pacemaker manages it and would take its restart for a failure; restart it through the cluster "
        f"(crm_resource --restart --resource={resource})"
    )
