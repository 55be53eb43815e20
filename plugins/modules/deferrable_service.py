#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deferrable_service
short_description: Manage a service as ansible.builtin.service does, and defer its restart where restarts are off
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Replaces M(ansible.builtin.service) and M(ansible.builtin.systemd_service) on hosts with systemd. It has their
    options, and returns what they return.
  - Where a policy of the host (see M(orderly.services.restart_policy)) blocks the restart, stop or reload of the unit
    for packages, it is not done for this task either, but becomes a record, which
    M(orderly.services.deferred_restarts_info) shows and M(orderly.services.restart_services) settles.
  - "Third-party roles defer without being modified: set C(use: orderly.services.deferrable_service) as a module default
    of M(ansible.builtin.service), as in the examples."
  - Reports I(changed) when something was done or a record was written, or would be in check mode.
options:
  name:
    description:
      - The unit; without a suffix it is a service.
      - Required with O(state), O(enabled) and O(masked).
    type: str
    aliases: [service, unit]
  state:
    description:
      - V(started) and V(stopped) do nothing if the unit is in that state already. V(restarted) and V(reloaded)
        start a unit that is not running.
      - Starting is never deferred.
    type: str
    choices: [reloaded, restarted, started, stopped]
  enabled:
    description: Whether the unit starts when the host boots.
    type: bool
  masked:
    description: Whether the unit is masked, so that nobody can start it.
    type: bool
  force:
    description: Whether to replace links that are in the way of enabling or masking.
    type: bool
  daemon_reload:
    description: Whether systemd reloads its unit files before anything else.
    type: bool
    default: false
  daemon_reexec:
    description: Whether systemd re-executes itself before anything else.
    type: bool
    default: false
  scope:
    description: Which systemd is meant. Only units of V(system) are deferred.
    type: str
    choices: [system, user, global]
    default: system
  no_block:
    description: Whether to go on without waiting until the unit is started, stopped or restarted.
    type: bool
    default: false
  defer:
    description:
      - With V(auto), what a policy of the host blocks is deferred.
      - With V(always), every restart and reload is deferred, also where no policy blocks it. Together with
        C(force_handlers) and the playbook C(orderly.services.rolling_restart) at the end, handlers only say what is
        needed, and a failed play loses nothing.
      - With V(never), everything is done at once.
    type: str
    choices: [auto, always, never]
    default: auto
  changed_files:
    description: The changed files that make the restart necessary, for the record.
    type: list
    elements: str
    default: []
  reason:
    description:
      - Why the unit is to be restarted, for the record, where no O(changed_files) are given. The record
        precedes it with the note that no files were named, because other tools expect a reason to begin with files.
      - By default the task's name, which is not known for a task of M(ansible.builtin.service).
    type: str
    default: "File(s) changed: not named by the task"
  pattern:
    description: Accepted and not used, as with M(ansible.builtin.service) on systemd.
    type: str
  sleep:
    description: Accepted and not used, as with M(ansible.builtin.service) on systemd.
    type: int
  runlevel:
    description: Accepted and not used, as with M(ansible.builtin.service) on systemd.
    type: str
  arguments:
    description: Accepted and not used, as with M(ansible.builtin.service) on systemd.
    type: str
    aliases: [args]
  use:
    description: Accepted and not used, so that only the module's name has to change in a task.
    type: str
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
attributes:
  idempotent:
    support: partial
    details: V(restarted) and V(reloaded) restart, reload, or rewrite the record, every time.
notes:
  - Tasks of M(ansible.builtin.systemd_service) have no C(use) and cannot be redirected here. The lookup
    P(orderly.services.undeferrable_tasks#lookup) lists them in your roles; M(orderly.services.strict_mode) is the
    safety net.
  - A unit that is paused (M(orderly.services.paused_services)) is left alone, whatever the task wants.
seealso:
  - module: ansible.builtin.service
  - module: ansible.builtin.systemd_service
  - module: orderly.services.restart_services
"""

EXAMPLES = r"""
- name: Apply a third-party role; its restarts are deferred where restarts are off
  ansible.builtin.import_role:
    name: somebodys_nginx
  module_defaults:
    ansible.builtin.service:
      use: orderly.services.deferrable_service

# In a play with force_handlers: true.
- name: Apply a third-party role; its restarts are always deferred, even if the play fails
  ansible.builtin.import_role:
    name: somebodys_nginx
  module_defaults:
    ansible.builtin.service:
      use: orderly.services.deferrable_service
    orderly.services.deferrable_service:
      defer: always
      reason: "Asked for by role {{ ansible_role_name | default(ansible_play_name) }}"

- name: Restart the proxy for its new certificate, or record that it needs it
  orderly.services.deferrable_service:
    name: haproxy
    state: restarted
    changed_files: [/etc/haproxy/site.pem]
"""

RETURN = r"""
name:
  description: The name that was given.
  returned: when O(name) is given
  type: str
  sample: nginx
state:
  description: V(started) or V(stopped), as the task wants it.
  returned: when O(state) is given
  type: str
enabled:
  description: Whether the unit is enabled now.
  returned: when O(enabled) is given
  type: bool
status:
  description: What C(systemctl show) said about the unit before.
  returned: when O(name) is given
  type: dict
deferred:
  description: Whether a restart, stop or reload was deferred.
  returned: success
  type: bool
deferred_action:
  description: What was deferred.
  returned: when something is deferred
  type: str
  sample: restart
requestors:
  description: Who wants it deferred.
  returned: when something is deferred
  type: list
  elements: str
  sample: [ansible orderly]
records:
  description: The files of the records; none in check mode.
  returned: when something is deferred
  type: list
  elements: str
paused:
  description: Whether the unit is paused, so that nothing was done.
  returned: success
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.facts.system.chroot import is_chroot
from ansible_collections.orderly.services.plugins.module_utils._deferral.deferrable import ServiceTask
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "aliases": ["service", "unit"]},
            "state": {"type": "str", "choices": ["reloaded", "restarted", "started", "stopped"]},
            "enabled": {"type": "bool"},
            "masked": {"type": "bool"},
            "force": {"type": "bool"},
            "daemon_reload": {"type": "bool", "default": False},
            "daemon_reexec": {"type": "bool", "default": False},
            "scope": {"type": "str", "choices": ["system", "user", "global"], "default": "system"},
            "no_block": {"type": "bool", "default": False},
            "defer": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
            "changed_files": {"type": "list", "elements": "str", "default": []},
            "reason": {"type": "str", "default": "File(s) changed: not named by the task"},
            "pattern": {"type": "str"},
            "sleep": {"type": "int"},
            "runlevel": {"type": "str"},
            "arguments": {"type": "str", "aliases": ["args"]},
            "use": {"type": "str"},
        },
        required_one_of=[["state", "enabled", "masked", "daemon_reload", "daemon_reexec"]],
        required_by={"state": ("name",), "enabled": ("name",), "masked": ("name",)},
        supports_check_mode=True,
    )
    os.environ.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")  # for the scope user
    offline = is_chroot(module) or os.environ.get("SYSTEMD_OFFLINE") == "1"
    try:
        task = ServiceTask(module.params, module.run_command, offline=offline)
        result = task.foresee() if module.check_mode else task.perform()
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    if result["paused"]:
        module.warn(
            f"{result['name']} is paused and left alone; the playbook resume_services brings it back."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
