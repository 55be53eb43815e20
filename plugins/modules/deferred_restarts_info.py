#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deferred_restarts_info
short_description: Read which restarts are deferred on a host, since when and why
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Reads what packages may not restart on a host, which restarts were deferred because of that and are still pending,
    and which have happened since.
  - A restart is pending until it is proved. The proof is a new invocation id of the unit, a reboot of the host, or,
    if only a reload was deferred, a new program in the unit's main process. Clocks are never compared.
  - Changes nothing, so it does the same in check mode.
  - Records of other tools in the same folder are read too; they hold no proof, so they stay pending until they are
    removed by that tool or by M(orderly.services.restart_services).
options:
  outdated:
    description:
      - Whether to check with C(needrestart), if it is installed, which units run programs or libraries that were
        deleted or replaced. It takes a second or more, and needs root.
    type: bool
    default: false
  services:
    description:
      - The units of the services of the host, by service.
      - By default what the role C(orderly.services.deferral) noted on the host the last time.
    type: dict
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: orderly.services.restart_policy
  - module: orderly.services.restart_services
"""

EXAMPLES = r"""
- name: Read which restarts are deferred
  orderly.services.deferred_restarts_info:
  register: deferred_restarts

- name: Read them, and which units run deleted files without a requested restart
  orderly.services.deferred_restarts_info:
    outdated: true

- name: Show which units are waiting for a restart
  ansible.builtin.debug:
    msg: "{{ deferred_restarts.pending | map(attribute='unit') | join(', ') }}"
"""

RETURN = r"""
auto_restarts:
  description:
    - Whether packages may restart everything, because no policy blocks anything and none is on hold for that reason.
  returned: success
  type: bool
in_force:
  description: Whether packages consult our script, so that policies are obeyed and what they block is recorded.
  returned: success
  type: bool
script:
  description: The script that packages consult.
  returned: success
  type: dict
  contains:
    installed:
      description: Whether our script is on the host.
      type: bool
    registered:
      description: Whether it is one of the alternatives for C(/usr/sbin/policy-rc.d).
      type: bool
    in_force:
      description: Whether it is the one in use.
      type: bool
    neighbour:
      description: The script that is in use instead, if there is one.
      type: str
    chained:
      description: The third-party script that ours asks first, if there is one.
      type: str
    leftover:
      description: >-
        Whether C(ansible.builtin.apt) with C(policy_rc_d) has put its own script in place of ours, and has not
        removed it.
      type: bool
policies:
  description: Which actions are blocked for which units, and by whom.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file of the policy.
      type: str
    requestor:
      description: Type and name of who wrote it.
      type: str
    blocked_actions:
      description: Lists of actions, by unit.
      type: dict
  sample:
    - path: /etc/policy-rc.d/ansible-orderly.policy
      requestor: ansible orderly
      blocked_actions:
        nginx.service: [restart, stop, try-restart]
pending:
  description: Units that must still be restarted, the longest-waiting first.
  returned: success
  type: list
  elements: dict
  contains: &entry
    unit:
      description: The unit.
      type: str
    action:
      description: What it waits for, V(restart) or V(reload).
      type: str
    actions:
      description: What packages wanted to do.
      type: list
      elements: str
    since:
      description: When the first action was blocked, in UTC.
      type: str
    count:
      description: How often an action was blocked.
      type: int
    reason:
      description: Why the unit should be restarted.
      type: str
    package:
      description: The package whose maintainer script requested it, if any.
      type: str
    package_before:
      description: The version of the package that was configured before, if the maintainer script knew it.
      type: str
    package_now:
      description: The version of the package that is installed now.
      type: str
    requestors:
      description: Whose policies blocked it.
      type: list
      elements: str
    collateral:
      description: >-
        Whether no policy lists the unit: it was named in the same call as a listed unit, and Debian skips such a
        call entirely.
      type: bool
    records:
      description: The files of the records.
      type: list
      elements: str
    along:
      description: The running units that systemd restarts along with it. Not there for RV(stopped).
      type: list
      elements: str
  sample:
    - unit: nginx.service
      action: restart
      actions: [restart]
      since: "2026-11-23T06:31:07Z"
      count: 1
      reason: Package update
      package: nginx
      package_before: 1.22.1-9
      package_now: 1.22.1-9+deb12u3
      requestors: [ansible orderly]
      collateral: false
      records: [/var/lib/policy-rc.d/ansible-orderly-nginx.service.deferred]
      along: []
stopped:
  description: >-
    As RV(pending), but for units that somebody stopped; there is nothing to restart, and a start settles it. A unit
    that has failed, or is starting or stopping, should be running, so it is among RV(pending).
  returned: success
  type: list
  elements: dict
settled:
  description: >-
    Records of restarts that have happened, or that nobody wants any more: the package was removed with its unit, or the
    version that runs is installed again. Each says in C(proof) which.
  returned: success
  type: list
  elements: dict
dismissed:
  description: Records of restarts that an operator said are not needed; each says in C(dismissed) why.
  returned: success
  type: list
  elements: dict
paused:
  description: Units that an operator has paused; nobody but an operator starts them again.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
    since:
      description: When it was paused, in UTC.
      type: str
    reason:
      description: Why.
      type: str
temporary_changes:
  description: Temporary changes that services have recorded, as M(orderly.services.temporary_changes) returns it.
  returned: success
  type: list
  elements: dict
on_hold:
  description: Packages that are on hold, whoever did that; they wait for an upgrade.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: The package.
      type: str
    version:
      description: The version that is installed.
      type: str
    candidate:
      description: The version that apt would install.
      type: str
services:
  description: >-
    The units of the services of this host, by service, as the role C(orderly.services.deferral) noted them; empty
    where it did not.
  returned: success
  type: dict
  sample:
    nginx: [nginx.service]
without_service:
  description: >-
    The pending units that no service of RV(services) has, and that take none of theirs along; no roll restarts them.
    Empty where RV(services) is.
  returned: success
  type: list
  elements: str
  sample: [postgresql@15-main.service]
absent_services:
  description: Those of RV(services) of which the host has no unit, so that nothing of them is deferred or restarted.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
    units:
      description: Its units, none of which is there.
      type: list
      elements: str
    says:
      description: The same as a sentence, with what to do.
      type: str
umbrellas:
  description: >-
    Units of RV(services) that run nothing themselves, and only group instances that the service does not list.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
    unit:
      description: The unit.
      type: str
    groups:
      description: The units that it groups and the service leaves out.
      type: list
      elements: str
    says:
      description: The same as a sentence, with what to do.
      type: str
down:
  description: Units of RV(services) that should run and do not.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
    word:
      description: V(down), or V(stopped) where somebody stopped it though it starts with the host.
      type: str
    says:
      description: The unit's state, in systemd's words.
      type: str
drained:
  description: Services that an operation has taken out of service on this host.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
    operation:
      description: The operation that did it.
      type: str
    roll:
      description: The roll or the campaign of that operation.
      type: str
    since:
      description: When it was drained, in UTC.
      type: str
store:
  description: The store in which this host has its locks, as C(id), C(name) and C(since); empty before the first slot.
  returned: success
  type: dict
outdated:
  description: Units that run deleted programs or libraries without a requested restart; see RV(not_checked).
  returned: success
  type: list
  elements: str
  sample: [cron.service, ssh.service]
made_up:
  description: >-
    Units of no policy that were started anew at the end of dpkg's last run, as a package wanted that in the same call
    as for a unit of a policy, and Debian skips such a call entirely. Forgotten when another run of apt begins, or the
    host boots.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
    action:
      description: What was done to it, V(restart), V(start) or V(reload).
      type: str
    since:
      description: When, in UTC.
      type: str
    package:
      description: The package that wanted it.
      type: str
not_checked:
  description: >-
    What could not be checked, and why. C(outdated) if it was not requested or not possible; C(interpreted), which
    means replaced files of programs in Python, Perl, Ruby and Java, if needrestart is not installed or failed;
    C(reloads) if only root can determine whether a reload has happened; C(stopped) if only root can tell a unit that
    somebody stopped from one that is paused.
  returned: success
  type: dict
  sample:
    interpreted: needrestart is not installed
trouble:
  description: Problems, in sentences.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._status.read import read_status


def main() -> None:
    module = AnsibleModule(
        argument_spec={"outdated": {"type": "bool", "default": False}, "services": {"type": "dict"}},
        supports_check_mode=True,
    )
    try:
        status = read_status(
            module.run_command, outdated=module.params["outdated"], services=module.params["services"]
        )
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, **status.as_dict())


if __name__ == "__main__":
    main()
