#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan
short_description: Compile the upgrade plan of an inventory, with the versions that its hosts were surveyed for
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - The playbook C(orderly.services.plan) uses this, after
    M(orderly.services.internal.package_versions_info) has read the versions on every host of the play.
  - Writes the plan's folder on the controller, and prints a summary and the hash that an approval names. Hosts and
    services are the same as in the plan of P(orderly.services.upgrade_plan#lookup), which knows no versions.
  - It runs on the controller and contacts no host.
options:
  plan_dir:
    description: The folder for the plan. By default a cache folder named by the plan's hash; it is printed.
    type: path
  variable:
    description: The variable that holds a host's answer.
    type: str
    default: orderly_versions
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
attributes:
  check_mode:
    details: It writes the plan's folder in check mode too, as it changes nothing else.
  diff_mode:
    details: There is nothing to compare.
  idempotent:
    details: A folder that holds the plan is left as it is.
seealso:
  - plugin: orderly.services.upgrade_plan
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Write the plan and print its hash
  orderly.services.internal.upgrade_plan:
  run_once: true
"""

RETURN = r"""
id:
  description: The id of the plan, made of inventory and roles; a campaign keeps it.
  type: str
  returned: success
  sample: 6f1c2a0e9b7d4c53
hash:
  description: The hash of the plan and the surveyed versions, for C(-e upgrade_approved_plan=HASH).
  type: str
  returned: success
  sample: b2f0a4417c9e6d35
folder:
  description: The plan's folder.
  type: str
  returned: success
lines:
  description: The lines that were printed.
  type: list
  elements: str
  returned: success
"""
