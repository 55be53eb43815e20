#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: package_upgrade_info
short_description: Tell what an upgrade of installed packages would change
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Asks apt what an upgrade of some packages would change, with the index of packages that the host has. For the first
    step of a service role's upgrade tasks, before anything happens.
  - It fails, by name, where a package is not installed, where one that would change is on hold, and where apt would
    remove a package; as M(orderly.services.package_upgrade) does.
options:
  packages:
    description: The packages.
    type: list
    elements: str
    required: true
  held:
    description: Whether packages may be on hold. For services whose packages are on hold while restarts are off
      (M(orderly.services.package_hold)).
    type: bool
    default: false
  lock_timeout:
    description: How many seconds to wait while another process holds the lock of dpkg or apt.
    type: int
    default: 60
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: orderly.services.package_upgrade
"""

EXAMPLES = r"""
- name: Ask apt what it would install
  orderly.services.package_upgrade_info:
    packages: [rabbitmq-server]
  register: newer

- name: It is a newer version of the same series
  ansible.builtin.assert:
    that: item.before.split('.')[:2] == item.after.split('.')[:2]
  loop: "{{ newer.upgrades | selectattr('package', 'eq', 'rabbitmq-server') }}"
"""

RETURN = r"""
upgrades:
  description: The packages that would be upgraded; those that come along are among them.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: The package.
      type: str
    before:
      description: Its version now; empty if it is not installed.
      type: str
    after:
      description: Its version after an upgrade.
      type: str
  sample:
    - package: nginx
      before: 1.22.1-9+deb12u3
      after: 1.22.1-9+deb12u4
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.apt import Apt
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "required": True},
            "held": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        upgrades = Apt(module.run_command, params["lock_timeout"]).foresee(
            params["packages"], held=params["held"]
        )
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(upgrades=[asdict(each) for each in upgrades])


if __name__ == "__main__":
    main()
