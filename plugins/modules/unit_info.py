#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: unit_info
short_description: Read whether a systemd unit runs, and whether it runs the installed program
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Reads a unit's state and main process from systemd, and which program that process runs.
  - An upgrade replaces a program on disk while the old one may keep running. Neither the unit's state
    nor C(--version) shows that, and after a reload that re-executes the program the PID does not either; this
    module does.
  - Changes nothing, so it does the same in check mode.
options:
  name:
    description: The unit, with its suffix.
    type: str
    required: true
  missing_ok:
    description: Whether a host without the unit is no failure. All that is returned of it is RV(known=false),
      and what a unit that does not run would return.
    type: bool
    default: false
    version_added: 0.1.0
  must_be_current:
    description: Whether to fail where the unit does not run, or runs a program that was replaced on disk. What a
      cluster manages, or refuses to be restarted by hand, may still run one, as its restart stays pending.
    type: bool
    default: false
    version_added: 0.1.0
  may_be_off:
    description: With O(must_be_current), whether a unit that does not run is fine where that is meant, as it is paused,
      masked or disabled, or runs when it is needed.
    type: bool
    default: false
    version_added: 0.1.0
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: The installed nginx runs
  orderly.services.unit_info:
    name: nginx.service
    must_be_current: true

- name: See what nginx runs
  orderly.services.unit_info:
    name: nginx.service
  register: unit
"""

RETURN = r"""
known:
  description: Whether the host has the unit.
  returned: success
  type: bool
active:
  description: Whether the unit is active.
  returned: success
  type: bool
state:
  description: The unit's state, as systemd names it.
  returned: success
  type: str
  sample: active (running)
invocation_id:
  description: systemd's id of this run of the unit, which changes with every start.
  returned: success
  type: str
  sample: 2f8a7e0c5d4b4e1f9a3c6b7d8e9f0a1b
program:
  description: The path of the program that the main process runs; the oldest process of a daemon counts where systemd
    knows no main one. Empty if there is no process.
  returned: success
  type: str
  sample: /usr/sbin/nginx
program_replaced:
  description: Whether the path now holds another file or none, so that what runs is not what is installed.
  returned: success
  type: bool
refusal:
  description: Why nobody restarts it by hand, as a cluster manages it or systemd refuses; empty if neither is so.
  returned: success
  type: str
"""

import platform
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.plugins.module_utils._restart.members import DOWN, STOPPED, word_of
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import PausedFolder

if TYPE_CHECKING:
    from typing import Container

    from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState


def _check_current(unit: UnitState, paused: Container[str], *, may_be_off: bool) -> None:
    is_meant = may_be_off and word_of(unit, paused) not in (DOWN, STOPPED)
    if not unit.is_active and not is_meant:
        raise HostError(
            f"{unit.unit} on {platform.node()} is {unit}, expected active. See journalctl -u {unit.unit}."
        )
    if unit.program and unit.program.replaced and not unit.refusal:
        raise HostError(
            f"{unit.unit} on {platform.node()} runs a program that was replaced on disk. Restart it."
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "missing_ok": {"type": "bool", "default": False},
            "must_be_current": {"type": "bool", "default": False},
            "may_be_off": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    name = module.params["name"]
    try:
        unit = Systemd(module.run_command).show([name])[name]
        if unit.is_known and module.params["must_be_current"]:
            _check_current(unit, PausedFolder().units(), may_be_off=module.params["may_be_off"])
    except HostError as exc:
        module.fail_json(msg=str(exc))
    if not unit.is_known and not module.params["missing_ok"]:
        module.fail_json(msg=f"There is no unit {name} on this host.")
    program = unit.program
    module.exit_json(
        known=unit.is_known,
        active=unit.is_active,
        state=str(unit),
        invocation_id=unit.invocation_id,
        program=program.path if program else "",
        program_replaced=bool(program and program.replaced),
        refusal=unit.refusal,
    )


if __name__ == "__main__":
    main()
