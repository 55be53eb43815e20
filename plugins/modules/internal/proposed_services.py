#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: proposed_services
short_description: Propose services and groups for what runs on the hosts of a play
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Prints what M(orderly.services.internal.running_services_info) returned on the hosts of a play as an inventory file,
    with V(orderly_services) and the groups of their hosts. Comments in it say what is left out and why, what is covered
    by a service of the inventory, and what could not be seen.
  - Runs on the controller and contacts no host. Reports C(changed) if it wrote, or in check mode would write, O(to).
options:
  variable:
    description:
      - The variable in which the hosts hold what M(orderly.services.internal.running_services_info) returned.
    type: str
    default: orderly_running
  to:
    description:
      - A file on the controller to write it to. One that is there with other content is refused and stays as it is.
        Refused too is a second V(orderly_services) beside one that the inventory has, as one would hide the other.
    type: path
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.internal.running_services_info
"""

EXAMPLES = r"""
- name: Read what runs and listens
  orderly.services.internal.running_services_info:
  register: orderly_running

- name: Propose services and groups
  orderly.services.internal.proposed_services:
  run_once: true
"""

RETURN = r"""
proposal:
  description: The inventory file.
  returned: success
  type: str
notes:
  description: What is said in comments of it.
  returned: success
  type: list
  elements: str
  sample: ["Left out (a restart of it interrupts nobody): cron, ssh."]
silent:
  description: The hosts that told nothing, and why.
  returned: success
  type: dict
  sample: {"web5": "did not answer"}
"""
