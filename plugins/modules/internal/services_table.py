#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: services_table
short_description: Print one table of the services that the inventory deploys
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Prints every service that is deployed in the inventory, each after those it comes after, with its role, group,
    number of hosts, stage, what it comes after, disruption budget, deferral, and the task files that its role brings.
    An asterisk marks what the inventory overrides. Below are the services that upgrades change together.
  - Runs on the controller and contacts no host.
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - plugin: orderly.services.deployed_services
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: List the services of this inventory
  orderly.services.internal.services_table:
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
  sample:
    - SERVICE  ROLE                    GROUP  HOSTS  STAGE         AFTER  BUDGET  DEFERRAL  PARTS
    - nginx    orderly.services.nginx  nginx  3      controlplane  -      25%*    block     upgrade_tasks verify
    - "* the inventory overrides what the role says"
notes:
  description: What is left out or replaced, and why; they are printed after the table.
  returned: success
  type: list
  elements: str
  sample: ["web is left out: its group web has no hosts. Give that group hosts."]
services:
  description:
    - The same as plain data, the keys of C(meta/service.yml) and V(name), V(role), V(path), V(hosts) (how many),
      V(parts), and V(overridden), what the role says where the inventory says something else.
  returned: success
  type: list
  elements: dict
"""
