#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: strict_mode
short_description: Make systemd refuse to restart a unit by hand
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - In strict mode C(systemctl restart) and C(systemctl stop) of a unit are refused, whoever runs them, needrestart and
    maintainer scripts that call C(systemctl) themselves included. It protects against accidents; root can lift it.
  - It is a drop-in below C(/run/systemd/system) with C(RefuseManualStop=yes), which says who set it and how to lift
    it. It is gone after a reboot, and a timer on the host lifts it after O(lift_after) seconds, so that it does not
    stay forever if the controller never comes back. Running this module again restarts that timer.
  - M(orderly.services.restart_services) and M(orderly.services.deferrable_service) restart a unit anyway, and it
    stays in strict mode. M(orderly.services.paused_services) lifts it.
  - Refused for units that no policy blocks and whose package is not on hold, because their packages would fail, and for
    those that pacemaker manages, which must be able to stop them. A restart that comes from another unit by C(PartOf=),
    C(Requires=) or C(BindsTo=) is not refused by systemd; the module warns about it.
  - Reports I(changed) when strict mode is set or lifted. Setting it again only restarts its timer.
options:
  services:
    description: Names of service roles that are deployed on the host, or of units without their suffix.
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
      - Whether the units are in strict mode.
      - With V(absent) and no services or units, it is lifted for all units of the host.
    type: str
    choices: [present, absent]
    default: present
  lift_after:
    description: After how many seconds it is lifted automatically.
    type: int
    default: 86400
  set_by:
    description:
      - Who sets it, for those who find it on the host.
      - By default the user and the name of the controller.
    type: str
    default: Ansible
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.restart_policy
  - module: orderly.services.restart_services
"""

EXAMPLES = r"""
- name: Keep the database from being restarted by accident today
  orderly.services.strict_mode:
    services: [mariadb]

- name: Protect the balancer for the hour of the migration
  orderly.services.strict_mode:
    units: [haproxy.service]
    lift_after: 3600

- name: Lift it on this host
  orderly.services.strict_mode:
    state: absent
"""

RETURN = r"""
strict:
  description: The units that are in strict mode now.
  returned: success
  type: list
  elements: str
  sample: [haproxy.service]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import held_units
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy_files import PolicyFolder
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict import (
    PROPAGATION,
    check_strict,
    find_detours,
    plan_strict,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict_files import StrictMode
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd, known_services


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "lift_after": {"type": "int", "default": 86400},
            "set_by": {"type": "str", "default": "Ansible"},
        },
        supports_check_mode=True,
    )
    params = module.params
    present = params["state"] == "present"
    systemd = Systemd(module.run_command)
    mode = StrictMode(systemd, module.run_command)
    detours = []
    try:
        named = [*known_services(params["services"], systemd), *params["units"]]
        states = systemd.show(named)
        units = tuple(dict.fromkeys(states[name].unit for name in named))
        before = mode.read()
        if present:
            names = [name for state in states.values() for name in state.names]
            check_strict(
                units,
                {s.unit: s for s in states.values()},
                PolicyFolder().effective(names),
                mode.cluster_units(),
                held_units(module.run_command, units),
            )
            detours = find_detours(units, systemd.properties(units, PROPAGATION))
        plan = plan_strict(
            before, units, present=present, set_by=params["set_by"], lift_after=params["lift_after"]
        )
        if not module.check_mode:
            mode.lift(plan.lift)
            mode.put(plan.set)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in detours:
        module.warn(sentence)
    module.exit_json(changed=plan.changes, strict=sorted(plan.after), diff=plan.diff())


if __name__ == "__main__":
    main()
