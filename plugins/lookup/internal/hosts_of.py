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
  - It refuses an inventory without hosts, tags, and variables of the command line or the inventory that look like
    parameters or settings and are none.
options:
  _terms:
    description: V(services) for the groups of all services that are deployed, V(all) for all hosts.
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

from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._common.names import check_groups
from ...plugin_utils._inventory.inventory import Inventory, check_hosts_there
from ...plugin_utils._inventory.trusted import without_facts
from ...plugin_utils._inventory.unread import check_variables
from ...plugin_utils._run.whole import check_tags
from ...plugin_utils._service.catalogue import NONE_DEPLOYED, deployed_of, known_services
from ...plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = without_facts(variables or {})
        if context.CLIARGS.get("syntax"):
            return ["all"]
        try:
            check_hosts_there(variables["groups"])
            check_tags("This playbook", context.CLIARGS.get("tags"), context.CLIARGS.get("skip_tags"))
            return self._checked(variables, everywhere=terms == ["all"])
        except ControllerError as exc:
            raise AnsibleLookupError(str(exc)) from None

    def _checked(self, variables: Mapping[str, Any], *, everywhere: bool) -> list[str]:
        seen = variables.get("hostvars")
        inventory = Inventory(
            self._loader,
            variables["ansible_inventory_sources"],
            manager=seen and seen._inventory,  # noqa: SLF001 - nothing else gives it to a plugin
        )
        second_look = None if seen else inventory.variable
        services = known_services(variables, second_look)
        check_variables(self._loader, inventory, services)
        if everywhere:
            return ["all"]
        groups = list(dict.fromkeys(each.group for each in deployed_of(services, variables, second_look)))
        check_groups(groups, variables["groups"])
        if not groups:
            raise CatalogueError(NONE_DEPLOYED)
        return groups
