# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: service_groups
short_description: Inventory groups of the deployed services
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Lists the inventory groups of the services that are deployed. Joined by commas they are the C(hosts) of a play
    over exactly the hosts that run a service.
options:
  _terms:
    description: Names of services; without any, all that are deployed.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show what is pending on every host that runs a service
  hosts: "{{ query('orderly.services.service_groups') | join(',') }}"
  roles:
    - orderly.services.deferral
"""

RETURN = r"""
_raw:
  description: The names of the groups.
  type: list
  elements: str
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._common.errors import ControllerError
from ..plugin_utils._common.names import check_groups
from ..plugin_utils._inventory.inventory import Inventory
from ..plugin_utils._inventory.trusted import without_facts
from ..plugin_utils._service.catalogue import NONE_DEPLOYED, load_services, select

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = without_facts(variables or {})
        parsing = "hostvars" not in variables
        try:
            second_look = (
                Inventory(self._loader, variables["ansible_inventory_sources"]).variable if parsing else None
            )
            services = load_services(variables, second_look)
            if terms:
                services = select(services, terms, "service_groups")
            groups = list(dict.fromkeys(service.group for service in services))
            check_groups(groups, variables["groups"])
        except ControllerError as exc:
            raise AnsibleLookupError(str(exc)) from None
        if not services:
            raise AnsibleLookupError(NONE_DEPLOYED)
        return groups
