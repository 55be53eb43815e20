#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_callbacks
short_description: Find the task file that an operation runs on each host
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Finds the task file of every host of the play, and reads it, so that a missing or broken one stops the operation
    before anything is drained.
  - A host or group variable C(rolling_op_tasks) of the inventory takes precedence over O(tasks), even if that comes
    from C(-e).
  - A relative path is looked for in the current folder, beside the inventory, and beside the playbook.
  - It runs once, on the controller, and contacts no host.
options:
  tasks:
    description: The task file of the hosts that have none of their own.
    type: str
    default: ""
extends_documentation_fragment: [orderly.services.attributes, orderly.services.attributes.info_module]
attributes:
  action:
    description: Has a corresponding action plugin, so some parts of its options run on the controller.
    support: full
    details: All of it runs on the controller.
"""

EXAMPLES = r"""
- name: Find the task file of every host
  orderly.services.internal.rolling_callbacks:
    tasks: new_certificates.yml
  run_once: true
  register: rolling_op_callbacks
"""

RETURN = r"""
tasks:
  description: The absolute path of each host's task file.
  returned: success
  type: dict
  sample: {web1: /srv/ansible/new_certificates.yml}
"""
