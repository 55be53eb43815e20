# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units a cluster manager, pacemaker, starts and stops on this host: nobody else may, or it fences the host."""

from __future__ import annotations

import platform
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import HostError

if TYPE_CHECKING:
    from typing import Iterable, Mapping, Sequence

    from .runner import Runner

_REMOTE = "pacemaker_remote.service"
_CLASSES = ("systemd", "service", "lsb")
"""The classes of resource agents behind which a unit of systemd stands: of an init script there is one, too."""
_AGENTS = {
    "apache": ("apache2",),
    "dhcpd": ("isc-dhcp-server",),
    "dovecot": ("dovecot",),
    "galera": ("mariadb", "mysql"),
    "mariadb": ("mariadb", "mysql"),
    "mysql": ("mariadb", "mysql"),
    "named": ("named", "bind9"),
    "nfsserver": ("nfs-server",),
    "nginx": ("nginx",),
    "pgsql": ("postgresql",),
    "postfix": ("postfix",),
    "rabbitmq-cluster": ("rabbitmq-server",),
    "redis": ("redis-server",),
    "rsyncd": ("rsync",),
    "slapd": ("slapd",),
    "squid": ("squid",),
    "tomcat": ("tomcat9", "tomcat10"),
    "zabbixserver": ("zabbix-server",),
}
"""Agents of class ocf that run a program for which Debian has units, by which systemd would run it once more."""
_TRUE = ("true", "on", "yes", "y", "1")
"""What pacemaker takes for yes, in any case."""
_UNIT_TYPES = re.compile(r"\.(service|socket|target|timer|path|mount)$")


def cluster_units(cib: str) -> dict[str, str]:
    """Give the units that pacemaker starts and stops, as its configuration says, with the resource of each."""
    try:
        root = ET.fromstring(cib)  # noqa: S314 - it is root's own file, written by the cluster
    except ET.ParseError as exc:
        raise HostError(f"The configuration of pacemaker cannot be read: {exc}.") from exc
    return {
        unit: resource.get("id", "")
        for resource, template in _resources(root)
        for unit in _units_of(template.get("class", ""), template.get("type", ""))
    }


def _resources(root: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    """Give the resources, each with what says of which kind it is: a template, or it itself."""
    templates = {each.get("id"): each for each in root.iter("template")}
    return [(each, templates.get(each.get("template"), each)) for each in root.iter("primitive")]


def _units_of(kind: str, agent: str) -> list[str]:
    if kind in _CLASSES:
        return [_with_suffix(agent)]
    return [_with_suffix(name) for name in _AGENTS.get(agent, ())] if kind == "ocf" else []


def left_to_people(cib: str, node: str) -> frozenset[str]:
    """Name the resources that the cluster does not manage now, on a node: all, or those of which that is said.

    What a resource says of itself counts more than what its template, group or clone does, and that more than defaults.
    """
    root = ET.fromstring(cib)  # noqa: S314 - it is root's own file, written by the cluster
    parents = {child: parent for parent in root.iter() for child in parent}
    defaults = [*root.iter("rsc_defaults")]
    everything = _is_in_maintenance(root, node)

    def is_left(resource: ET.Element, template: ET.Element) -> bool:
        around = [resource]
        while around[-1] in parents:
            around.append(parents[around[-1]])
        said = [resource, template, *around[1:], *defaults]
        return _first(said, "maintenance") in _TRUE or _first(said, "is-managed") not in ("", *_TRUE)

    return frozenset(each.get("id", "") for each, of in _resources(root) if everything or is_left(each, of))


def _is_in_maintenance(root: ET.Element, node: str) -> bool:
    nodes = [each for each in root.iter("node") if each.get("uname") == node]
    here = any(_value(each, "instance_attributes", "maintenance") in _TRUE for each in nodes)
    return here or any(
        _value(each, "cluster_property_set", "maintenance-mode") in _TRUE
        for each in (root, *root.iter("crm_config"))
    )


def _first(elements: Iterable[ET.Element], name: str) -> str:
    values = (_value(each, "meta_attributes", name) for each in elements)
    return next(filter(None, values), "")


def _value(element: ET.Element, of: str, name: str) -> str:
    """Give what a set of attributes directly below an element says, in small letters; an empty text if nothing."""
    found = element.find(f"./{of}/nvpair[@name='{name}']")
    return found.get("value", "").lower() if found is not None else ""


def _with_suffix(unit: str) -> str:
    return unit if _UNIT_TYPES.search(unit) else f"{unit}.service"


class Cluster:
    """What pacemaker's files, or systemd, say of this host's part in a cluster."""

    def __init__(self, run: Runner, root: Path = Path("/"), node: str = "") -> None:
        """Take the runner of commands, the root below which the files are, and this node's name in the cluster."""
        self._run = run
        self._node = node or platform.node()
        self._cib = root / "var/lib/pacemaker/cib/cib.xml"
        self._remoted = [root / "usr/sbin" / name for name in ("pacemaker-remoted", "pacemaker_remoted")]

    def units(self) -> dict[str, str]:
        """Give the cluster's units, also those it leaves alone for now, each with its resource.

        Raises :class:`HostError` where nobody here can know.
        """
        if self._cib.exists():
            return cluster_units(self._text())
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
            managed = self._managed_now()
        except HostError as exc:
            return [str(exc)] * len(units)
        return [_claim(managed, names) for names in units]

    def _managed_now(self) -> dict[str, str]:
        units = self.units()
        left = left_to_people(self._text(), self._node) if self._cib.exists() else ()
        return {unit: resource for unit, resource in units.items() if resource not in left}

    def _text(self) -> str:
        return self._cib.read_text(encoding="utf-8", errors="backslashreplace")

    def _is_remote(self) -> bool:
        command = ["systemctl", "show", "--property=ActiveState", "--", _REMOTE]
        _code, output, _errors = self._run(command, environ_update={"LC_ALL": "C"})
        return "ActiveState=active" in output.splitlines()


def _claim(managed: Mapping[str, str], names: Iterable[str]) -> str:
    resource = next(
        (managed[each] for name in names for each in (name, _whole(name)) if each in managed), None
    )
    if resource is None:
        return ""
    return (
        f"pacemaker manages it and would take its restart for a failure; restart it through the cluster "
        f"(crm_resource --restart --resource={resource})"
    )


def _whole(unit: str) -> str:
    """Give the unit that stands for all instances, as an agent runs any of them: postgresql@15-main is postgresql's."""
    return re.sub(r"@.*(?=\.[a-z]+$)", "", unit)
