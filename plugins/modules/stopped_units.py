#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: stopped_units
short_description: Stop units while their packages are upgraded
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - For the step of a service role's upgrade tasks before the packages, where these cannot be upgraded under a running
    daemon. M(orderly.services.current_units) starts the units again.
  - It is written down which units were stopped, so that they are known apart from those that somebody stopped on
    purpose, also after a run that was killed. Rolls count such a host as down, and the next restart starts the units.
  - Units that do not run, and those that the host does not have, stay as they are. One that pacemaker manages, or that
    refuses to be stopped by hand (C(RefuseManualStop=yes)), fails, and nothing is stopped.
options:
  units:
    description: The units, with their suffix, in this order.
    type: list
    elements: str
    required: true
  restarting:
    description: The folder in which it stands which units were stopped and have not come back.
    type: path
    default: /var/lib/orderly/restarting
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.current_units
  - module: orderly.services.package_hold
  - module: orderly.services.paused_services
"""

EXAMPLES = r"""
- name: Ask apt what it installs
  orderly.services.package_upgrade_info:
    packages: [mariadb-server]
  register: newer
  tags: step2

- name: Stop the server if there is a newer one
  orderly.services.stopped_units:
    units: [mariadb.service]
  when: newer.upgrades | length > 0
  tags: step2
"""

RETURN = r"""
stopped:
  description: The units that were stopped, or would be.
  returned: success
  type: list
  elements: str
  sample: [mariadb.service]
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import (
    FOLDER,
    UnfinishedFolder,
)

if TYPE_CHECKING:
    from typing import Any, Iterable

    from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState


OPTIONS: dict[str, Any] = {
    "units": {"type": "list", "elements": "str", "required": True},
    "restarting": {"type": "path", "default": f"/{FOLDER}"},
}


def _to_stop(states: Iterable[UnitState]) -> list[UnitState]:
    running = [state for state in states if state.is_active or state.in_transition]
    for state in running:
        if state.refusal:
            raise HostError(f"{state.unit} cannot be stopped: {state.refusal}", unit=state.unit)
    return running


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    systemd, folder = Systemd(module.run_command), UnfinishedFolder(Path(module.params["restarting"]))
    try:
        running = _to_stop(systemd.show(module.params["units"]).values())
        for state in [] if module.check_mode else running:
            folder.write(state, boot_id())
            systemd.must("stop", state.unit)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(
        changed=bool(running),
        stopped=[state.unit for state in running],
        diff={
            "before": "".join(f"{state.unit} {state}\n" for state in running),
            "after": "".join(f"{state.unit} stopped\n" for state in running),
        },
    )


if __name__ == "__main__":
    main()
