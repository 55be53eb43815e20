#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_recovery
short_description: Find the hosts that rolls have left behind
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Finds the hosts of the play that hold slots of runs that are over, or have services recorded as drained or
    temporarily changed, and prints them.
  - Hosts that somebody is working on, that are paused on purpose, or whose holder cannot be checked from here are
    listed with what to do, and left alone.
  - It runs once, on the controller, and contacts no host.
options:
  drained:
    description:
      - The name of the variable in which each host's services that it has recorded as drained are registered, as
        M(orderly.services.internal.drained_services) returns them. A host without a readable answer is left as it is.
    type: str
    required: true
  temporary:
    description:
      - The same for its temporary changes, as M(orderly.services.temporary_changes) returns them.
      - The recovery undoes those that no open campaign will undo.
    type: str
    required: true
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  action:
    details: All of it runs on the controller.
"""

EXAMPLES = r"""
- name: Find the hosts that were left behind
  orderly.services.internal.rolling_recovery:
    drained: on_record
    temporary: changed
  run_once: true
  register: recovery
"""

RETURN = r"""
order:
  description: The hosts that may return to service once they are verified.
  type: list
  elements: str
  returned: success
batches:
  description: How many of them may be put back together, in that order.
  type: list
  elements: int
  returned: success
visits:
  description: For each of them, the services to verify, as P(orderly.services.deployed_services#lookup) returns them.
  type: dict
  returned: success
why:
  description: For each of them, what was left behind.
  type: dict
  returned: success
until:
  description: For each of them, how long the changes to undo were to last, as M(orderly.services.temporary_changes)
    returns it.
  type: dict
  returned: success
left:
  description: For each host that is left as it is, why, and what to do.
  type: dict
  returned: success
"""
