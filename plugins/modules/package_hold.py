#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: package_hold
short_description: Put packages on hold that cannot be upgraded under a running daemon, and release only those
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Some packages, those of MariaDB among them, must not be upgraded while their daemon runs, so their restart cannot be
    deferred. While restarts are off they are put on hold instead.
  - A list in C(/var/lib/orderly/holds) says which holds are ours. What somebody else put on hold stays on hold.
  - Reports I(changed) when a package is put on hold or released.
options:
  units:
    description: Units; the packages that own a unit and its program are put on hold.
    type: list
    elements: str
    default: []
  packages:
    description: Additional packages.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) puts the packages on hold.
      - V(absent) releases those of them that we put on hold; or all that we put on hold if none is named.
    type: str
    choices: [present, absent]
    default: present
  for_upgrade:
    description:
      - Whether O(state=absent) releases packages only until an upgrade of them is done, after which O(state=present)
        puts them on hold again. It is written down which ones, so that RV(released) names them also in the run that
        follows one that failed between.
    type: bool
    default: false
  lock_timeout:
    description:
      - How many seconds to wait while another process holds the lock of dpkg, as with M(ansible.builtin.apt). After
        that the task fails, and names that process.
    type: int
    default: 60
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.restart_policy
"""

EXAMPLES = r"""
- name: Do not upgrade the database while it must run
  orderly.services.package_hold:
    units: [mariadb.service]

- name: Let the service's own upgrade upgrade it
  orderly.services.package_hold:
    units: [mariadb.service]
    state: absent
    for_upgrade: true
"""

RETURN = r"""
packages:
  description: The packages that we have on hold after this.
  returned: success
  type: list
  elements: str
  sample: [mariadb-server, mariadb-server-core]
held:
  description: The packages that were put on hold.
  returned: success
  type: list
  elements: str
released:
  description: The packages that were released; with O(for_upgrade) also those that an upgrade released before, and did
    not put on hold again.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import (
    HoldFile,
    as_apt_lists_them,
    check_packages,
    mark,
    on_hold,
    packages_of,
    plan_hold,
    plan_release,
    to_hold_again,
)
from ansible_collections.orderly.services.plugins.module_utils._host.dpkg_lock import DpkgLock
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "packages": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "for_upgrade": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    run = module.run_command
    file = HoldFile()
    for_upgrade = params["for_upgrade"] and params["state"] == "absent"
    decide = plan_hold if params["state"] == "present" else plan_release
    try:
        named = as_apt_lists_them(run, check_packages(params["packages"]))
        wanted = [*named, *packages_of(run, params["units"])]
        before = as_apt_lists_them(run, file.read())
        plan = decide(wanted, on_hold(run), before)
        earlier = file.lifted()
        lifted = to_hold_again(earlier, wanted, plan.release, for_upgrade=for_upgrade)
        if not module.check_mode:
            lock = DpkgLock(params["lock_timeout"])
            if for_upgrade:  # before, so that a run that is killed between leaves nothing released for good
                file.write(before, lifted)
            mark(run, "hold", plan.hold, lock)
            mark(run, "unhold", plan.release, lock)
            file.write(plan.ours, lifted)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(
        changed=bool(plan.hold or plan.release),
        packages=plan.ours,
        held=plan.hold,
        released=sorted(
            {*plan.release, *({*earlier}.intersection(wanted or earlier) if for_upgrade else ())}
        ),
        diff={"before": "\n".join([*before, ""]), "after": "\n".join([*plan.ours, ""])},
    )


if __name__ == "__main__":
    main()
