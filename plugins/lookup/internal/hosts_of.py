# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_of
short_description: Hosts of a playbook of this collection, after a look at what it was given
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - For the playbooks of this collection. The one door through which each of them begins, so that all refuse the same
    things in the same words, before any host is asked.
  - It refuses an inventory without hosts, service roles inside an inventory folder where anything but a look at
    the fleet is meant, tags, and variables of the command line or the inventory that look like
    parameters or settings and are none.
options:
  _terms:
    description:
      - V(services) for the groups of all services that are deployed, V(all) for all hosts.
      - V(deferral) for all hosts, of which one at least must run a service; those that run none are named.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the status
  hosts: "{{ query('orderly.services.internal.hosts_of', 'all') }}"
"""

RETURN = r"""
_raw:
  description: Patterns of hosts.
  type: list
  elements: str
"""

from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._common.names import check_groups
from ...plugin_utils._common.text import listed, names_of, shortened
from ...plugin_utils._inventory.extra_vars import extra_variable
from ...plugin_utils._inventory.fleet_wide import check_fleet_wide
from ...plugin_utils._inventory.inventory import Inventory, check_hosts_there, limited_hosts
from ...plugin_utils._inventory.parameters import PARAMETERS
from ...plugin_utils._inventory.trusted import without_facts
from ...plugin_utils._inventory.unread import check_variables, typed_playbooks
from ...plugin_utils._last_words import leave, promise, warn
from ...plugin_utils._run.whole import check_core, check_tags
from ...plugin_utils._service.catalogue import (
    NONE_DEPLOYED,
    about_left_out,
    check_beside_inventory,
    deployed_of,
    known_services,
    select,
)
from ...plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...plugin_utils._service.service import Service

display = Display()


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        promise()
        self.set_options(var_options=variables, direct=kwargs)
        variables = without_facts(variables or {})
        if context.CLIARGS.get("syntax"):
            return ["all"]
        try:
            check_hosts_there(variables["groups"])
            check_core()
            _check_tags()
            return self._checked(terms[0], variables)
        except ControllerError as exc:
            leave(str(exc))
            raise AnsibleLookupError(str(exc)) from None

    def _checked(self, which: str, variables: Mapping[str, Any]) -> list[str]:
        seen = variables.get("hostvars")
        inventory = Inventory(
            self._loader,
            variables["ansible_inventory_sources"],
            manager=seen and seen._inventory,  # noqa: SLF001 - nothing else gives it to a plugin
        )
        second_look = None if seen else inventory.variable
        if which != "all":
            check_beside_inventory(variables, second_look)
        check_fleet_wide(inventory)
        services = known_services(variables, second_look)
        check_variables(self._loader, inventory, services)
        for why in about_left_out(variables, services, second_look):
            warn(why)
        if which == "all":
            return ["all"]
        there = deployed_of(services, variables, second_look)
        self._check_chosen(there)
        groups = list(dict.fromkeys(each.group for each in there))
        check_groups(groups, variables["groups"])
        if not groups:
            raise CatalogueError(NONE_DEPLOYED)
        if which == "deferral":
            self._name_bare(groups, variables["groups"])
            return ["all"]
        return groups

    def _check_chosen(self, deployed: Sequence[Service]) -> None:
        """Refuse a service that there is not before any host is asked; templates are for the hosts to read."""
        typed = typed_playbooks(context.CLIARGS.get("args") or ()) or frozenset()
        # What is dismissed may be of a unit that no service has.
        for name in filter(None, map(_only, typed - {"dismiss_restarts"})):
            value = extra_variable(self._loader, name)
            if "{{" not in str(value):
                select(deployed, names_of(value), name)

    def _name_bare(self, groups: Iterable[str], members: Mapping[str, Iterable[str]]) -> None:
        """Warn of hosts that run no service: whoever turns restarts off relies on it that none happens."""
        limit = context.CLIARGS.get("subset")
        asked = limited_hosts(self._loader, members, limit) if limit else members["all"]
        bare = set(asked).difference(*(members[group] for group in groups))
        if bare:
            display.warning(
                f"No service of this inventory runs on {listed(shortened(bare))}; nothing is deferred there."
            )


def _only(playbook: str) -> str:
    """Name the parameter with which a playbook is told for which services alone it is meant."""
    return next((name for name in PARAMETERS[playbook] if name.endswith("_only")), "")


def _check_tags() -> None:
    typed = typed_playbooks(context.CLIARGS.get("args") or ()) or ()
    only = next(filter(None, map(_only, typed)), "")
    what = " and ".join(sorted(typed)) or "This playbook"
    check_tags(what, context.CLIARGS.get("tags"), context.CLIARGS.get("skip_tags"), only)
