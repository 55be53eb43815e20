#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: package_upgrade
short_description: Fetch newer versions of installed packages, or install them
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - For the upgrade tasks of service roles. It upgrades what is installed, and installs nothing else but what the newer
    versions need. It fails, by name and before anything is changed, where a package is not installed, where one that
    would change is on hold, and where apt would remove a package.
  - It asks C(apt-get), so the host needs no C(python3-apt), and check mode simulates on every host. Changed
    configuration files stay as they are, as with M(ansible.builtin.apt).
  - Whether the packages' daemons restart is up to the host's policy; see M(orderly.services.restart_policy).
options:
  packages:
    description: The packages.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(fetched) reads the index of packages anew if it is older than O(index_age), and downloads what an upgrade
        would install, so that the interruption is short. Check mode reads no index.
      - V(latest) installs it.
    type: str
    choices: [fetched, latest]
    default: latest
  held:
    description: Whether packages that are on hold are fetched too, and in check mode said to be upgraded. None is ever
      installed.
    type: bool
    default: false
  index_age:
    description: How many seconds old the index of packages may be before it is read anew.
    type: int
    default: 3600
  lock_timeout:
    description: How many seconds to wait while another process holds the lock of dpkg or apt.
    type: int
    default: 60
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.package_upgrade_info
  - module: orderly.services.current_units
  - module: orderly.services.package_hold
"""

EXAMPLES = r"""
- name: Fetch the newer packages, so that the interruption is short
  orderly.services.package_upgrade:
    packages: [nginx]
    state: fetched
  tags: step1

- name: Upgrade nginx
  orderly.services.package_upgrade:
    packages: [nginx]
  tags: step3
"""

RETURN = r"""
upgrades:
  description: The packages that are upgraded, or are to be; those that come along are among them.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: The package.
      type: str
    before:
      description: Its version before; empty if it is new.
      type: str
    after:
      description: Its version after.
      type: str
  sample:
    - package: nginx
      before: 1.22.1-9+deb12u3
      after: 1.22.1-9+deb12u4
"""

from dataclasses import asdict
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.apt import Apt
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["fetched", "latest"], "default": "latest"},
            "held": {"type": "bool", "default": False},
            "index_age": {"type": "int", "default": 3600},
            "lock_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    act = _fetch if module.params["state"] == "fetched" else _install
    try:
        module.exit_json(**act(Apt(module.run_command, module.params["lock_timeout"]), module))
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)


def _fetch(apt: Apt, module: AnsibleModule) -> dict[str, Any]:
    packages, held = module.params["packages"], module.params["held"]
    read = not module.check_mode and apt.refresh(module.params["index_age"])
    upgrades = apt.foresee(packages, held=held)
    missing = apt.is_to_fetch(packages, held=held)
    if missing and not module.check_mode:
        apt.fetch(packages, held=held)
    fetched = "".join(f"{each.package} {each.after}\n" for each in upgrades if missing)
    return {
        "changed": read or missing,
        "upgrades": [asdict(each) for each in upgrades],
        "diff": {"before_header": "fetched", "after_header": "fetched", "before": "", "after": fetched},
    }


def _install(apt: Apt, module: AnsibleModule) -> dict[str, Any]:
    packages = module.params["packages"]
    upgrades = apt.foresee(packages, held=module.params["held"] and module.check_mode)
    if upgrades and not module.check_mode:
        apt.upgrade(packages)
    before = "".join(f"{each.package} {each.before}\n" for each in upgrades if each.before)
    after = "".join(f"{each.package} {each.after}\n" for each in upgrades)
    return {
        "changed": bool(upgrades),
        "upgrades": [asdict(each) for each in upgrades],
        "diff": {"before_header": "packages", "after_header": "packages", "before": before, "after": after},
    }


if __name__ == "__main__":
    main()
