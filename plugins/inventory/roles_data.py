# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: roles_data
short_description: Groups of TripleO's roles and services
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reads the C(roles_data.yaml) of a TripleO deployment, and gives a group for each role, and one for each service with
    the groups of the roles that have it as children.
  - The group of a role has the role's name, as in V(Controller). The group of a service is the last part of its
    name in lower case with underscores, as in V(nova_compute) for V(OS::TripleO::Services::NovaCompute).
  - TripleO ends a step of all services of a host before any begins the next, and the order inside a step is the order
    in this file. A plan has neither. Each service goes through steps 2 to 5 on a host before another begins, in the
    order of C(after) and C(requires). An upgrade names the services of TripleO that share hosts in no order.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [orderly.services.roles_data]
  roles_data:
    description: The path of TripleO's file; a relative path starts from the folder of this file.
    type: str
    default: roles_data.yaml
  hosts:
    description:
      - The hosts of each role, a list of names and ranges such as V(controller-[0:2]), or a mapping of names and
        ranges to variables.
      - Roles without hosts here use the hosts that another inventory puts into the group of the role's name.
    type: dict
    default: {}
  service_groups:
    description:
      - Other names for the groups of services, by the service's name or its last part. Without a name, V(null), the
        service has no group, for services that the deployment maps to C(OS::Heat::None).
    type: dict
    default: {}
"""

EXAMPLES = r"""
# inventory/overcloud.yml
plugin: orderly.services.roles_data
roles_data: ../templates/roles_data.yaml
hosts:
  Controller: ["controller-[0:2]"]
  Compute:
    compute-0: {ansible_host: 192.0.2.20}
    compute-1: {ansible_host: 192.0.2.21}
service_groups:
  OS::TripleO::Services::MySQL: mariadb
  Fluentd: null
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

from ..plugin_utils._inventory.roles_data import RolesDataError, group_names, hosts_of, read_roles

if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader


class InventoryModule(BaseInventoryPlugin):
    NAME = "orderly.services.roles_data"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith((".yml", ".yaml"))

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            self._add(Path(path))
        except RolesDataError as exc:
            raise AnsibleParserError(str(exc)) from None

    def _add(self, path: Path) -> None:
        roles = read_roles(path.parent / self.get_option("roles_data"))
        groups = group_names(roles, self.get_option("service_groups"), path)
        hosts = hosts_of(roles, self.get_option("hosts"), path)
        for role in roles:
            self.inventory.add_group(role.name)
            for pattern, variables in hosts.get(role.name, {}).items():
                self._add_hosts(role.name, pattern, variables)
            for service in role.services:
                if group := groups[service]:
                    self.inventory.add_group(group)
                    self.inventory.add_child(group, role.name)

    def _add_hosts(self, group: str, pattern: str, variables: dict[str, Any]) -> None:
        names, port = self._expand_hostpattern(pattern)
        self._populate_host_vars(names, variables, group, port)
