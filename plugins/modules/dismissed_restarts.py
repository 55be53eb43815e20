#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: dismissed_restarts
short_description: Dismiss pending restarts that are not needed
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Marks pending restarts as not needed. Nothing is restarted. The record then says who dismissed it and why,
    and the status shows it as dismissed, until the unit is restarted after all.
  - Only what is pending now is dismissed. The next package that wants to restart the unit makes a restart pending
    again.
  - Reports I(changed) when a record is dismissed, or is pending again, or would be in check mode.
options:
  services:
    description:
      - Names of service roles that are deployed on the host, or of units without their suffix.
      - Name at least one service or unit in O(services) or O(units).
    type: list
    elements: str
    default: []
  units:
    description: Units with their suffix.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) dismisses what is pending of the units.
      - V(absent) undoes that, so that it is pending again.
    type: str
    choices: [present, absent]
    default: present
  reason:
    description: Why the restart is not needed. Required with O(state=present).
    type: str
    default: ""
  by:
    description: Who dismisses it; by default the user who runs Ansible, and the name of the controller.
    type: str
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.deferred_restarts_info
  - module: orderly.services.restart_services
"""

EXAMPLES = r"""
- name: The new package changed nothing but its documentation
  orderly.services.dismissed_restarts:
    services: [nginx]
    reason: Only the manual page changed

- name: It must be restarted after all
  orderly.services.dismissed_restarts:
    services: [nginx]
    state: absent
"""

RETURN = r"""
units:
  description: The units of which records were dismissed, or are pending again.
  returned: success
  type: list
  elements: str
  sample: [nginx.service]
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.dismissal import (
    Dismissal,
    plan_dismissal,
    plan_return,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import sort_records
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd, known_services


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "reason": {"type": "str", "default": ""},
            "by": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params = module.params
    systemd = Systemd(module.run_command)
    store = DeferredStore()
    try:
        named = [*known_services(params["services"], systemd), *params["units"]]
        if not named:
            raise HostError(
                "Name at least one service or unit: in services or units, of the playbook with -e dismiss_only=SERVICE."
            )
        records, trouble = store.read()
        states = systemd.show([*named, *(record.unit for record in records)])
        units = {name for unit in named for name in (unit, states[unit].unit, *states[unit].names)}
        ledger = sort_records(records, states, boot_id())
        if params["state"] == "present":
            dismissal = Dismissal(params["reason"], params["by"] or "Ansible", int(time.time()))
            plan = plan_dismissal(ledger, units, dismissal)
        else:
            plan = plan_return(ledger, units)
        changed = plan.after if module.check_mode else store.exchange(plan.changes)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in trouble:
        module.warn(sentence)
    units_changed = sorted({record.unit for record in changed})
    module.exit_json(changed=bool(changed), units=units_changed, diff=plan.diff())


if __name__ == "__main__":
    main()
