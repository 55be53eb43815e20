#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_info
short_description: Read whether a host needs a reboot, and identify its current boot
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - A host needs a reboot if packages left C(/run/reboot-required), or if needrestart finds a newer kernel.
  - It also reports whether the host is the one on which this very run of ansible-playbook runs, directly or in a
    container. Such a host cannot be rebooted by this run.
options:
  controller:
    description: The requesting run. The action of the same name fills it in.
    type: dict
    default: {}
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  action:
    details: The action passes the requesting run to the module.
"""

EXAMPLES = r"""
- name: See whether the host needs a reboot
  orderly.services.reboot_info:
  register: boot

- name: Say why
  ansible.builtin.debug:
    msg: "{{ boot.why | join('; ') }}"
  when: boot.required
"""

RETURN = r"""
required:
  description: Whether the host needs a reboot.
  returned: success
  type: bool
why:
  description: Why, empty if it does not.
  returned: success
  type: list
  elements: str
  sample: ["packages requested a reboot: linux-image-6.1.0-30-amd64"]
not_checked:
  description: What could not be checked.
  returned: success
  type: list
  elements: str
  sample: [needrestart is not installed]
boot:
  description: >-
    An identifier of this boot of the host, which changes with every reboot, even if the host is a container, which
    keeps the kernel's boot id.
  returned: success
  type: str
  sample: 3f2a6c1e-8b54-4d0e-9c0f-2f6f5c1d7a10/12
is_controller:
  description: Whether a reboot of this host would end this run of ansible-playbook.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.boot import (
    asked_by_packages,
    is_home_of,
    this_boot,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.needrestart import waiting_kernel


def main() -> None:
    module = AnsibleModule(
        argument_spec={"controller": {"type": "dict", "default": {}}},
        supports_check_mode=True,
    )
    controller = module.params["controller"]
    why, not_checked = [asked_by_packages()], []
    try:
        why.append(waiting_kernel(module.run_command))
    except HostError as exc:
        not_checked.append(str(exc))
    why = [reason for reason in why if reason]
    module.exit_json(
        changed=False,
        required=bool(why),
        why=why,
        not_checked=not_checked,
        boot=this_boot(),
        is_controller=bool(controller) and is_home_of(controller),
    )


if __name__ == "__main__":
    main()
