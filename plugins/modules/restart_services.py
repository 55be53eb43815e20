#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: restart_services
short_description: Restart services of a host one by one, or only those whose restart is pending
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Restarts units in the given order, one after the other. After each it checks that the unit is active, that it
    was really restarted, and that its main process runs the installed program. If one does not come back, the rest
    are not restarted and keep running as before.
  - What runs is restarted, and what has failed is started. Units that somebody stopped, masked or paused stay as they
    are, as do unknown ones and those that refuse it (C(RefuseManualStop=yes)); the result says so.
  - Units that pacemaker manages, and those that would take such a unit along, are left to the cluster, which would take
    the restart for a failure. Units of user managers and in containers are out of reach.
  - A unit that an earlier restart by this module stopped and did not bring back counts as failed, whatever systemd
    calls it, and is started with O(deferred_only) too.
  - Units in strict mode (M(orderly.services.strict_mode)) are restarted anyway, and stay in strict mode.
  - systemd restarts others along with a unit (those with C(PartOf=), C(Requires=) or C(BindsTo=) it). The result
    names them, in check mode before anything happens, and after the restart they must be active too. One of them that
    is listed later is not restarted a second time.
  - The records of restarts that this settles are removed; one that arrives after its unit was restarted is
    kept.
  - Reports I(changed) when a unit is restarted or a record is removed. Check mode restarts nothing and shows what would
    be restarted.
  - It takes no lock and drains nothing. The playbook C(orderly.services.restart_services) does, wave by wave through
    the fleet.
options:
  services:
    description:
      - Names of service roles that are deployed on the host, or of units without their suffix.
      - If O(units) is empty too, it acts on all services that are deployed on the host and on everything that is
        pending.
    type: list
    elements: str
    default: []
  units:
    description: Units to restart, with their suffix, in this order.
    type: list
    elements: str
    default: []
  deferred_only:
    description: Whether to restart only those whose restart is pending.
    type: bool
    default: false
  include_pending:
    description:
      - Whether to act on everything that is pending, besides O(services) and O(units).
      - By default it does if neither of them is given.
    type: bool
  include_stale:
    description:
      - Whether a unit of O(services) and O(units) also counts as pending that was not started anew since its package
        changed, though the package did not ask for that. For steps of an upgrade of packages that never restart their
        daemon. What an operator dismissed stays as it is.
    type: bool
    default: false
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
attributes:
  idempotent:
    support: partial
    details: With O(deferred_only=true) a second run finds nothing pending. Without it, every run restarts.
seealso:
  - module: orderly.services.deferred_restarts_info
  - module: orderly.services.restart_policy
"""

EXAMPLES = r"""
- name: Restart what is pending on this host
  orderly.services.restart_services:
    deferred_only: true

- name: Restart the web server
  orderly.services.restart_services:
    services: [nginx]

- name: Restart two units, in this order
  orderly.services.restart_services:
    units: [redis-server.service, nginx.service]
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
    "services": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
    "deferred_only": {"type": "bool", "default": False},
    "include_pending": {"type": "bool"},
    "include_stale": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 30},
    "watch": {"type": "int", "default": 2},
    "restarting": {"type": "path", "default": f"/{FOLDER}"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    restart(module, Wanted(**module.params))


if __name__ == "__main__":
    main()
