"""TripleO's ``roles_data.yaml``: which services each role has, and what their groups are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from .._common.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

GROUP = r"[A-Za-z_][A-Za-z0-9_]*"
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Names whose words do not begin where capitals do.
NAMES = {
    "HAproxy": "haproxy",
    "MySQL": "mysql",
    "MySQLClient": "mysql_client",
    "OVNDBs": "ovn_dbs",
    "RabbitMQ": "rabbitmq",
}


class RolesDataError(ControllerError):
    """A file cannot be used: where, what was expected, what is there."""


@dataclass(frozen=True)
class TripleoRole:
    """A role of TripleO, which is a kind of host, and the services that it has."""

    name: str
    services: tuple[str, ...] = ()


def read_roles(path: Path) -> tuple[TripleoRole, ...]:
    """Read the roles of a ``roles_data.yaml``; raises :class:`RolesDataError` with file, line and key."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as exc:
        raise RolesDataError(f"{path} cannot be read: {exc.strerror}. Set roles_data to its path.") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        raise RolesDataError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {exc}") from exc
    if not isinstance(root, yaml.SequenceNode):
        raise RolesDataError(
            f"{path}:1: expected TripleO's list of roles, each with name and ServicesDefault."
        )
    roles: dict[str, TripleoRole] = {}
    for node in root.value:
        role = _role(path, node)
        if role.name in roles:
            raise RolesDataError(f"{_at(path, node)}: name: {role.name} appears twice; rename one of them.")
        roles[role.name] = role
    return tuple(roles.values())


def _role(path: Path, node: yaml.Node) -> TripleoRole:
    keys = {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
    name = keys.get("name")
    if not isinstance(name, yaml.ScalarNode) or not re.fullmatch(GROUP, name.value):
        problem = f"is {name.value!r}" if isinstance(name, yaml.ScalarNode) else "is missing"
        raise RolesDataError(
            f"{_at(path, name or node)}: name {problem}; expected a valid group name, such as Controller."
        )
    services = keys.get("ServicesDefault")
    listed = services.value if isinstance(services, yaml.SequenceNode) else None
    if services is None or (isinstance(services, yaml.ScalarNode) and services.value in ("", "null")):
        listed = []
    if listed is None or not all(isinstance(each, yaml.ScalarNode) and each.value for each in listed):
        raise RolesDataError(
            f"{_at(path, services or node)}: ServicesDefault of {name.value}: expected a list of services, as in "
            "[OS::TripleO::Services::HAproxy]."
        )
    return TripleoRole(name.value, tuple(dict.fromkeys(each.value for each in listed)))


def _at(path: Path, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}"


def group_name(service: str) -> str:
    """Name the group of a service: the last part of its name, in small letters with underscores."""
    last = _last(service)
    return NAMES.get(last) or re.sub(r"\W", "_", WORDS.sub("_", last)).lower()


def _last(service: str) -> str:
    return service.rpartition("::")[2]


def group_names(
    roles: Iterable[TripleoRole], renamed: Mapping[str, Any], path: Path
) -> dict[str, str | None]:
    """Name the group of every service, None where it has none; *path* is the file that says what is *renamed*."""
    roles = tuple(roles)
    services = [service for role in roles for service in role.services]
    known = {*services, *map(_last, services)}
    for service, group in renamed.items():
        if service not in known:
            raise RolesDataError(
                f"{path}: service_groups: {service} is in no role; remove it, or correct its name."
            )
        if group is not None and not (isinstance(group, str) and re.fullmatch(GROUP, group)):
            raise RolesDataError(
                f"{path}: service_groups: {service} is {group!r}; expected the name of a group, or null for none."
            )
    groups = {each: renamed.get(each, renamed.get(_last(each), group_name(each))) for each in services}
    names = {role.name for role in roles}
    for service, group in groups.items():
        if group is not None and not re.fullmatch(GROUP, group):
            raise RolesDataError(
                f"{path}: {service} would have the group {group!r}, which is not a group name; give it one in "
                "service_groups."
            )
        if group in names:
            raise RolesDataError(
                f"{path}: {service} would have the group {group}, which belongs to a role; give it another name in "
                "service_groups."
            )
    return groups


def hosts_of(
    roles: Iterable[TripleoRole], hosts: Mapping[str, Any], path: Path
) -> dict[str, dict[str, dict[str, Any]]]:
    """Give the hosts of each role with their variables; *path* is the file that says so."""
    known = [role.name for role in roles]
    for role, given in hosts.items():
        if role not in known:
            raise RolesDataError(f"{path}: hosts: {role} is not a role; the roles are {', '.join(known)}.")
        named = isinstance(given, list) and all(isinstance(each, str) for each in given)
        with_variables = isinstance(given, dict) and all(
            each is None or isinstance(each, dict) for each in given.values()
        )
        if not named and not with_variables:
            raise RolesDataError(
                f"{path}: hosts: {role} is {given!r}; expected a list of hosts, as in [controller-0], or a mapping of "
                "hosts to their variables."
            )
    return {
        role: {host: dict((given[host] if isinstance(given, dict) else None) or {}) for host in given}
        for role, given in hosts.items()
    }
