#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: command_info
short_description: Run a command that only looks, on this host or on another one, and take nothing but its output
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Runs a command without a shell and returns what it printed. It is for the C(drain.yml) and C(verify.yml) of services
    whose members depend on each other, and which therefore look at other members with C(delegate_to) first.
  - In contrast to M(ansible.builtin.command), nothing that the other host answers becomes a fact of the host that
    delegates the task.
  - It runs in check mode too, and never reports I(changed), so it is only for commands that change nothing.
options:
  argv:
    description: The command and its arguments.
    type: list
    elements: str
    required: true
  accept:
    description: The exit statuses that are no failure.
    type: list
    elements: int
    default: [0]
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: ansible.builtin.command
"""

EXAMPLES = r"""
- name: Read the state of every other node of the cluster
  orderly.services.command_info:
    argv: [mariadb, -NBe, "SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'"]
  delegate_to: "{{ item }}"
  loop: "{{ groups['mariadb_galera'] | difference([inventory_hostname]) }}"
  register: others
"""

RETURN = r"""
stdout:
  description: What the command printed, without the line break at its end.
  returned: always
  type: str
stdout_lines:
  description: The same, line by line.
  returned: always
  type: list
  elements: str
stderr:
  description: What it printed as its errors.
  returned: always
  type: str
rc:
  description: Its exit status.
  returned: always
  type: int
"""

import shlex

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "argv": {"type": "list", "elements": "str", "required": True},
            "accept": {"type": "list", "elements": "int", "default": [0]},
        },
        supports_check_mode=True,
    )
    argv = module.params["argv"]
    if not argv:
        module.fail_json(msg="argv is empty; expected a command and its arguments")
    status, out, err = module.run_command(argv)
    said = {"rc": status, "stdout": out.rstrip("\r\n"), "stderr": err.rstrip("\r\n")}
    if status not in module.params["accept"]:
        words = said["stderr"] or said["stdout"] or "it printed nothing"
        command = " ".join(map(shlex.quote, argv))
        module.fail_json(msg=f"{command} ended with {status}: {words}", **said)
    module.exit_json(failed=False, **said)  # else Ansible takes any status but 0 for a failure


if __name__ == "__main__":
    main()
