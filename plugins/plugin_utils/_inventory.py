# This is a private utility of the orderly.services collection; it may change without notice.
"""The inventory as the planner sees it while Ansible is still parsing: groups, and the variables of hosts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ansible.inventory.manager import InventoryManager
from ansible.template import Templar
from ansible.vars.manager import VariableManager

from ._order import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible.parsing.dataloader import DataLoader


class InventoryError(Exception):
    """The inventory cannot be planned with."""


class Inventory:
    """A second look at the inventory of this run; Ansible gives lookups no variables of hosts while it parses."""

    def __init__(self, loader: DataLoader, sources: Sequence[str]) -> None:
        self._loader = loader
        self._manager = InventoryManager(loader=loader, sources=list(sources))
        self._variables = VariableManager(loader=loader, inventory=self._manager)
        self._templars: dict[str, Any] = {}

    @property
    def groups(self) -> dict[str, list[str]]:
        """Give the names of the hosts of every group."""
        groups = self._manager.groups
        return dict(
            _plain({name: [host.name for host in group.get_hosts()] for name, group in groups.items()})
        )

    def variable(self, host: str, name: str) -> Any:
        """Give the value of a host's variable, templated; None where the host has none."""
        if host not in self._templars:
            variables = self._variables.get_vars(host=self._manager.get_host(host), include_hostvars=False)
            self._templars[host] = (Templar(loader=self._loader, variables=variables), variables)
        templar, variables = self._templars[host]
        return _plain(templar.template(variables[name])) if name in variables else None

    def check_unchanged(self, groups: Mapping[str, Iterable[str]]) -> None:
        """Raise where a dynamic inventory gave Ansible other groups than it gives now."""
        ours = {name: set(hosts) for name, hosts in self.groups.items()}
        theirs = {name: set(hosts) for name, hosts in groups.items()}
        for name in sorted(set(ours) | set(theirs), key=natural):
            if ours.get(name, set()) != theirs.get(name, set()):
                odd = sorted(ours.get(name, set()) ^ theirs.get(name, set()), key=natural)
                raise InventoryError(
                    f'The inventory changed between two looks at it: the group "{name}" differs in {", ".join(odd)}. '
                    "Run again; if it happens every time, save a copy: ansible-inventory --list > hosts.json"
                )


def _plain(value: Any) -> Any:
    """Free a value of the tags that Ansible puts on strings and numbers; a plan holds plain data."""
    return json.loads(json.dumps(value, default=str))


def limited_hosts(loader: DataLoader, groups: Mapping[str, Iterable[str]], limit: str) -> frozenset[str]:
    """Name the hosts of an inventory that ``--limit`` leaves."""
    manager = InventoryManager(loader=loader, sources=None)
    for name, hosts in groups.items():
        manager.add_group(name)
        for host in hosts:
            manager.add_host(host, group=name)
    manager.subset(limit)
    return frozenset(host.name for host in manager.get_hosts())
