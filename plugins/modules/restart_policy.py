#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: restart_policy
short_description: Set which units packages may not restart on a host
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Writes a policy, C(/etc/policy-rc.d/TYPE-NAME.policy). As long as it exists, the maintainer scripts of packages
    do not perform the listed actions on the listed units; each time they would have, it is recorded, which
    M(orderly.services.deferred_restarts_info) reads and M(orderly.services.restart_services) settles.
  - There is one policy for each requestor, and a unit is blocked as long as any of them lists it.
  - Reports I(changed) when the policy is written or removed. Removing a policy restarts nothing; what is pending
    stays pending.
  - needrestart, which restarts services by itself and never asks, is told to leave the units of all policies of the
    host alone, C(/etc/needrestart/conf.d/orderly-services.conf).
  - Policies are obeyed once the role C(orderly.services.deferral) has installed the script that packages consult.
options:
  name:
    description: The name of the requestor, which distinguishes its policy from those of others.
    type: str
    required: true
  type:
    description: The kind of requestor.
    type: str
    default: ansible
  services:
    description:
      - Services whose units must not be restarted. They are names of service roles that are deployed on the host; their
        units, and the actions that are blocked for them, come from the service role.
      - Any other name is that of a unit on the host, without its suffix.
    type: list
    elements: str
    default: []
  units:
    description:
      - Units that must not be restarted, with their suffix.
      - Patterns like V(postgresql@*.service) are possible.
    type: list
    elements: str
    default: []
  actions:
    description:
      - The actions that are blocked for O(services) and O(units).
      - By default those that the service role declares; for units V(stop), V(restart) and V(try-restart).
    type: list
    elements: str
  blocked_actions:
    description: Units with the actions that are blocked for each, where these differ.
    type: dict
  force:
    description:
      - List units also where their package cannot be upgraded while they run, as their service role (C(deferral=hold))
        or the C(preinst) or C(prerm) of the package says. Otherwise the task fails with the reason; see
        M(orderly.services.package_hold).
    type: bool
    default: false
  trusted_units:
    description:
      - Units whose packages are not looked at for that. By default those of services for which the inventory sets
        C(SERVICE_deferral) to V(block).
    type: list
    elements: str
    default: []
  script_expected:
    description:
      - Whether the script that packages consult is set up by an earlier task of the same play, as the role
        C(orderly.services.deferral) does, so that check mode does not miss it. Otherwise its absence is an error, and
        in check mode a warning.
    type: bool
    default: false
  state:
    description: Whether there is a policy of this requestor.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.deferred_restarts_info
  - module: orderly.services.restart_services
"""

EXAMPLES = r"""
- name: Packages must not restart the web servers
  orderly.services.restart_policy:
    name: webteam
    services: [nginx]

- name: Packages must not reload the balancer either
  orderly.services.restart_policy:
    name: webteam
    units: [haproxy.service]
    actions: [stop, restart, try-restart, reload]

- name: Packages may restart everything again
  orderly.services.restart_policy:
    name: webteam
    state: absent
"""

RETURN = r"""
path:
  description: The file of the policy.
  returned: success
  type: str
  sample: /etc/policy-rc.d/ansible-webteam.policy
blocked_actions:
  description: Which actions are blocked, by unit; empty if the policy is gone.
  returned: success
  type: dict
  sample:
    nginx.service: [restart, stop, try-restart]
"""

import re
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import (
    DISRUPTIVE_ACTIONS,
    block,
    make_policy,
    make_requestor,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy_files import (
    NeedrestartDropIn,
    PolicyFolder,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.script import PolicyScript
from ansible_collections.orderly.services.plugins.module_utils._deferral.scripts_of_packages import (
    PackageScripts,
    refusal_of_unit,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd, known_services

if TYPE_CHECKING:
    from typing import Container

    from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Policy


def refuse_to_block(policy: Policy, scripts: PackageScripts, trusted: Container[str]) -> None:
    """Raise HostError where a unit is listed whose package would be upgraded under it, which that does not bear."""
    listed = (unit for unit, actions in policy.blocked_actions.items() if "stop" in actions)
    for unit in listed:
        is_pattern = re.search(r"[*?\[]", unit)
        finding = None if is_pattern or unit in trusted else scripts.why_hold([unit])
        if finding:
            raise HostError(refusal_of_unit(unit, finding), unit=unit)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "default": "ansible"},
            "services": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "actions": {"type": "list", "elements": "str"},
            "blocked_actions": {"type": "dict"},
            "force": {"type": "bool", "default": False},
            "trusted_units": {"type": "list", "elements": "str", "default": []},
            "script_expected": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    params = module.params
    folder = PolicyFolder()
    needrestart = NeedrestartDropIn()
    script = PolicyScript()
    try:
        requestor = make_requestor(params["type"], params["name"])
        before = folder.text(requestor)
        policy = None
        if params["state"] == "present":
            unasked = script.why_nobody_asks()
            if unasked and not module.check_mode:
                module.fail_json(msg=unasked)
            if unasked and not params["script_expected"]:
                module.warn(unasked)
            services = known_services(params["services"], Systemd(module.run_command))
            actions = params["actions"] or DISRUPTIVE_ACTIONS
            blocked = block([*services, *params["units"]], actions, params["blocked_actions"] or {})
            policy = make_policy(requestor, blocked)
        after = policy.render() if policy else ""
        if policy and before != after and not params["force"]:
            refuse_to_block(policy, PackageScripts(module.run_command), params["trusted_units"])
        others = [other for path, other in folder.read()[0] if path != folder.file(requestor)]
        policies = [*others, *([policy] if policy else [])]
        changed = before != after or not needrestart.follows(policies)
        if before != after and not module.check_mode:
            folder.write(policy) if policy else folder.remove(requestor)
            script.tell(module.run_command)
        if changed and not module.check_mode:
            needrestart.follow(policies)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    path = str(folder.file(requestor))
    module.exit_json(
        changed=changed,
        path=path,
        blocked_actions=policy.blocked_actions if policy else {},
        diff={"before_header": path, "after_header": path, "before": before, "after": after},
    )


if __name__ == "__main__":
    main()
