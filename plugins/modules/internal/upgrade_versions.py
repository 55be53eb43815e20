#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_versions
short_description: Check package versions for a plan, and keep them in its journal
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - The playbooks of plans use this; your own playbooks do not need to.
  - V(wanted) names the hosts that have not changed yet in the campaign of the plan.
  - V(checked) compares what M(orderly.services.internal.package_versions_info) found on the hosts of the play
    with what was surveyed for the plan, and fails with every difference. So does V(before), where the plan was
    surveyed, and keeps the versions that hosts have before their change; V(after) keeps those that they have after it.
  - V(due) names the hosts that finalizers ask for their versions, once all is done that they wait for. V(agreed) fails
    if one has something older than what the plan or the journal says, and lists it.
  - It runs on the controller and contacts no host.
options:
  state:
    description: Which hosts to query, or what to do with the answers.
    type: str
    choices: [wanted, checked, before, after, due, agreed]
    required: true
  variable:
    description: The variable that holds a host's answer; one that was skipped is not compared.
    type: str
    default: orderly_versions
  plan:
    description: The hash of the plan that the playbook was written with; another plan beside it is refused.
    type: str
  wait:
    description:
      - Seconds for which V(due) waits for what other runs of the campaign do before finalizers.
      - By default the variable C(upgrade_wait), else one hour.
    type: int
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: orderly.services.internal.package_versions_info
"""

EXAMPLES = r"""
- name: Compare the versions with the plan
  orderly.services.internal.upgrade_versions:
    state: checked
  run_once: true
"""

RETURN = r"""
hosts:
  description: The hosts to ask.
  type: list
  elements: str
  returned: when the state is V(wanted) or V(due)
drift:
  description: What differs from the plan, with the hosts.
  type: list
  elements: str
  returned: when the state is V(checked) or V(before)
disagree:
  description: What is not as the journal says, with the host.
  type: list
  elements: str
  returned: when the state is V(agreed)
"""
