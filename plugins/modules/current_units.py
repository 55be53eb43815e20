#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: current_units
short_description: See to it that units run what is installed
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - For the step of a service role's upgrade tasks that follows the packages. Of the units it starts those that do not
    run though they should, and restarts those whose restart is pending and those that run a program that was replaced
    on disk. All others are left as they are, so that a second run changes nothing.
  - What is paused, masked, or disabled and not running stays so, as does what pacemaker manages.
  - It restarts as M(orderly.services.restart_services) does, one after the other, looks at each afterwards, and removes
    the records that this settles.
options:
  units:
    description:
      - The units, with their suffix, in this order. Those that the host does not have are left out, as their names may
        differ between releases; a host that has none of them fails.
    type: list
    elements: str
    required: true
  include_stale:
    description:
      - Whether a unit is also restarted that was not started anew since its package changed, though the package did not
        ask for that and its program is the same - libraries, modules of an interpreter and the unit itself may be new.
        What an operator dismissed stays as it is.
    type: bool
    default: true
  timeout:
    description: How many seconds a unit may take to become active after systemd has restarted it.
    type: int
    default: 30
  watch:
    description:
      - How many seconds a unit is watched before it counts as running, where systemd cannot tell when it is ready (it
        is of type C(simple), C(exec) or C(idle)).
    type: int
    default: 2
  restarting:
    description: The folder in which it stands which restarts were begun and have not brought their unit back.
    type: path
    default: /var/lib/orderly/restarting
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.restart_services
  - module: orderly.services.package_upgrade
"""

EXAMPLES = r"""
- name: Run the new program
  orderly.services.current_units:
    units: [nginx.service]
  tags: step5
"""

RETURN = r"""
units:
  description: What happened to every unit, in order.
  returned: always
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
    result:
      description: >-
        One of V(restarted), V(would_restart) (in check mode), V(skipped), V(failed), and V(not_reached) (a unit before
        it failed).
      type: str
    why:
      description: >-
        Why it was skipped, has failed, was not reached, or needed no restart of its own because systemd had restarted
        it along with another.
      type: str
    along:
      description: The running units that systemd restarts along with it.
      type: list
      elements: str
  sample:
    - unit: redis-server.service
      result: restarted
      why: ""
      along: [redis-exporter.service]
    - unit: nginx.service
      result: skipped
      along: []
      why: "it is not running: it is inactive (dead)"
restarted:
  description: The units that were restarted, or would be.
  returned: always
  type: list
  elements: str
left_alone:
  description: The units that were left alone, as RV(units) says why.
  returned: always
  type: list
  elements: str
settled:
  description: The files of the records that were removed because their restart has happened.
  returned: always
  type: list
  elements: str
"""

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.restarts import Wanted, restart
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import FOLDER

if TYPE_CHECKING:
    from typing import Any


OPTIONS: dict[str, Any] = {
    "units": {"type": "list", "elements": "str", "required": True},
    "include_stale": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
    "watch": {"type": "int", "default": 2},
    "restarting": {"type": "path", "default": f"/{FOLDER}"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    wanted = Wanted(services=(), deferred_only=True, include_pending=False, current=True, **module.params)
    restart(module, wanted)


if __name__ == "__main__":
    main()
