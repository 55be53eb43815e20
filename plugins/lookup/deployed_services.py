# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: deployed_services
short_description: Services that are deployed on a host
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Lists the services deployed on the current host, each with its settings as the inventory overrides them, each after
    the services it comes after.
  - A role with a C(meta/service.yml) is a service; it is deployed on the hosts of its inventory group.
options:
  _terms:
    description: Names of services to keep; without any, all that are deployed on the host.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show which units the services of this host consist of
  ansible.builtin.debug:
    msg: "{{ query('orderly.services.deployed_services') | map(attribute='units') | flatten }}"
"""

RETURN = r"""
_raw:
  description:
    - One dictionary for each service, with the keys of C(meta/service.yml), V(name), V(role) (the name for
      M(ansible.builtin.include_role)), V(path), V(has) (which of V(facts), V(rank), V(drain), V(undrain), V(verify) and
      V(undo) the role brings), and V(enable_auto_restarts) (the variable C(<service>_enable_auto_restarts), else
      C(enable_auto_restarts), else true).
  type: list
  elements: dict
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._inventory.trusted import without_facts
from ..plugin_utils._service.catalogue import allows_restarts, deployed_services, select
from ..plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = variables or {}
        trusted = without_facts(variables)

        def value_of(name: str) -> Any:
            return self._templar.template(variables.get(name))

        try:
            services = deployed_services(trusted)
            if terms:
                services = select(services, terms, f"deployed_services on {variables['inventory_hostname']}")
            return [
                {**service.as_dict(), "enable_auto_restarts": allows_restarts(service, value_of)}
                for service in services
            ]
        except CatalogueError as exc:
            raise AnsibleLookupError(str(exc)) from None
