"""The inventory as the planner sees it while Ansible is still parsing: groups, and the variables of hosts."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.template import Templar
from ansible.vars.manager import VariableManager
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

from .._common.errors import ControllerError
from .._common.names import PLAIN
from .._common.text import natural
from .trusted import forget_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible.parsing.dataloader import DataLoader


class InventoryError(ControllerError):
    """The inventory cannot be planned with."""


def check_hosts_there(groups: Mapping[str, Iterable[str]]) -> None:
    """Raise where an inventory has no hosts; Ansible's own host, that nobody has named, is in no group."""
    if not groups.get("all"):
        raise InventoryError(
            "No inventory was given, or none that has hosts, so there is nothing to do. Name one with -i, as in "
            "ansible-playbook -i hosts.yml, or in ansible.cfg."
        )


class Inventory:
    """A second look at the inventory of this run; Ansible gives lookups no variables of hosts while it parses."""

    def __init__(
        self,
        loader: DataLoader,
        sources: Sequence[str],
        *,
        extra_vars: bool = True,
        manager: InventoryManager | None = None,
    ) -> None:
        self._loader = loader
        self._sources = list(sources)
        self._manager = manager or InventoryManager(loader=loader, sources=self._sources)
        self._variables = forget_facts(VariableManager(loader=loader, inventory=self._manager))
        if not extra_vars:
            self._variables._extra_vars = {}  # noqa: SLF001 - there is no other way to see what they hide
        self._templars: dict[str, Any] = {}

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Give the names of the hosts of every group."""
        groups = self._manager.groups
        return dict(
            _plain({name: [host.name for host in group.get_hosts()] for name, group in groups.items()})
        )

    def variable(self, host: str, name: str) -> Any:
        """Give the value of a host's variable, templated; None where the host has none.

        :raises InventoryError: when it cannot be determined before hosts are contacted
        """
        if host not in self._templars:
            variables = self._variables.get_vars(host=self._manager.get_host(host), include_hostvars=False)
            self._templars[host] = (Templar(loader=self._loader, variables=variables), variables)
        templar, variables = self._templars[host]
        if name not in variables:
            return None
        try:
            return _plain(templar.template(variables[name]))
        except AnsibleError as exc:
            raise InventoryError(
                f"{name} of {host} cannot be determined while planning: {str(exc).rstrip('.')}. "
                "No host is contacted then, so there are "
                "no facts, and nothing that tasks register. Give it a value that the inventory alone decides."
            ) from exc

    @property
    def names(self) -> frozenset[str]:
        """Name every variable that a group or a host has."""
        return self._own_variables.union(*self._group_variables)

    def place(self, name: str) -> str:
        """Tell where the inventory has a variable: the first group or host that sets it."""
        for group, variables in zip(self._manager.groups, self._group_variables, strict=True):
            if name in variables:
                return f"group {group}"
        hosts = self._manager.hosts.values()
        found = (host.name for host in hosts if name in host.vars or name in self._from_files([host]))
        return f"host {next(found, '?')}"

    def typical_hosts(self, hosts: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
        """Choose hosts that stand for all of *hosts* when some variables are asked for: few are, of ten thousand."""
        return tuple(dict.fromkeys(self._stand_ins(hosts, names).values()))

    def values(self, hosts: Sequence[str], name: str) -> dict[str, Any]:
        """Give the value of a variable on each of the hosts; None where a host has none."""
        return {
            host: self.variable(typical, name) for host, typical in self._stand_ins(hosts, [name]).items()
        }

    def names_given(self, hosts: Sequence[str]) -> frozenset[str]:
        """Name the variables that all of *hosts* have from their groups, and those that any host or ``-e`` gives."""
        anyway = self._own_variables | self._variables.extra_vars.keys()
        sets = {self._groups_of(host) for host in hosts}
        of_groups = (frozenset().union(*(self._names_of_groups[name] for name in names)) for names in sets)
        return anyway.union(frozenset.intersection(*of_groups) if sets else ())

    @cached_property
    def _names_of_groups(self) -> dict[str, frozenset[str]]:
        groups = self._manager.groups
        return dict(zip(groups, map(frozenset, self._group_variables), strict=True))

    def _stand_ins(self, hosts: Sequence[str], names: Iterable[str]) -> dict[str, str]:
        """Tell for each host which one has the same values.

        Hosts of the same groups agree about a variable, unless a host has it of its own or its value is a template.
        """
        wanted = frozenset(names)
        in_groups = [values[name] for values in self._group_variables for name in wanted & values.keys()]
        if not wanted.isdisjoint(self._own_variables) or any(map(_may_be_template, in_groups)):
            return {host: host for host in hosts}
        if not in_groups:
            return dict.fromkeys(hosts, hosts[0]) if hosts else {}
        of_groups: dict[frozenset[str], str] = {}
        return {host: of_groups.setdefault(self._groups_of(host), host) for host in hosts}

    @cached_property
    def _group_variables(self) -> list[dict[str, Any]]:
        groups = self._manager.groups.values()
        return [{**group.get_vars(), **self._from_files([group])} for group in groups]

    @cached_property
    def _own_variables(self) -> frozenset[str]:
        """Name the variables that any host has of its own, in the inventory or in ``host_vars``."""
        hosts = list(self._manager.hosts.values())
        return frozenset(self._from_files(hosts)).union(*(host.vars for host in hosts))

    def _from_files(self, entities: Sequence[Any]) -> dict[str, Any]:
        """Read what files beside inventory and playbook say; as :class:`VariableManager` does for one host."""
        beside = get_vars_from_path(self._loader, self._loader.get_basedir(), entities, "task")
        return {**get_vars_from_inventory_sources(self._loader, self._sources, entities, "task"), **beside}

    def _groups_of(self, host: str) -> frozenset[str]:
        return frozenset(group.name for group in self._manager.get_host(host).get_groups())

    def check_unchanged(self, groups: Mapping[str, Iterable[str]]) -> None:
        """Raise where a dynamic inventory gave Ansible other groups than it gives now."""
        ours = {name: set(hosts) for name, hosts in self.groups.items()}
        theirs = {name: set(hosts) for name, hosts in groups.items()}
        for name in sorted(set(ours) | set(theirs), key=natural):
            if ours.get(name, set()) != theirs.get(name, set()):
                odd = sorted(ours.get(name, set()) ^ theirs.get(name, set()), key=natural)
                raise InventoryError(
                    f'The inventory changed between two reads: the group "{name}" differs in {", ".join(odd)}. '
                    "Run again; if it happens every time, save a copy: ansible-inventory --list > hosts.json"
                )


def _plain(value: Any) -> Any:
    """Free a value of the tags that Ansible puts on strings and numbers; a plan holds plain data."""
    return json.loads(json.dumps(value, default=str))


def _may_be_template(value: Any) -> bool:
    """Tell whether a value may depend on the host; one in a vault shows what it holds only when it is asked for."""
    if isinstance(value, dict | list | tuple):
        return any(map(_may_be_template, value.values() if isinstance(value, dict) else value))
    return "{" in value if isinstance(value, str) else not isinstance(value, int | float | None)


def limited_hosts(loader: DataLoader, groups: Mapping[str, Iterable[str]], limit: str) -> frozenset[str]:
    """Name the hosts of an inventory that ``--limit`` leaves.

    A host that upgrades itself is the limit of its run, and is found without a look at ten thousand others.
    """
    if PLAIN.fullmatch(limit) and limit in groups.get("all", ()) and limit not in groups:
        return frozenset([limit])
    manager = InventoryManager(loader=loader, sources=None, parse=False)
    for name, hosts in groups.items():
        manager.add_group(name)
        for host in hosts:
            manager.add_host(host, group=name)
    manager.subset(limit)
    return frozenset(host.name for host in manager.get_hosts())
