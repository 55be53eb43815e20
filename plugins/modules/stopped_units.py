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
  - What systemd stops along with a unit (C(Requires), C(BindsTo) or C(PartOf) on it) is written down too, and sockets,
    timers and paths that would start it meanwhile are stopped before it. M(orderly.services.current_units) brings both
    back with the unit.
  - Units that do not run, and those that the host does not have, stay as they are. One that pacemaker manages, or that
    refuses to be stopped by hand (C(RefuseManualStop=yes)), fails, and nothing is stopped.
options:
  units:
    description: The units, with their suffix, in this order.
    type: list
    elements: str
    required: true
  kept_down:
    description:
      - Whether the units stay down until M(orderly.services.current_units) or M(orderly.services.restart_services)
        starts them, though their packages would start them as they are upgraded. This is for services whose data are
        migrated before the new program may run.
      - Such a start succeeds and does nothing. A boot of the host ends that.
    type: bool
    default: false
    version_added: 0.1.0
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
  description: The units that were stopped, or would be, in this order; what stops along with a unit follows it.
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
from ansible_collections.orderly.services.plugins.module_utils._restart.kept_down import KeptDown
from ansible_collections.orderly.services.plugins.module_utils._restart.pause import related
from ansible_collections.orderly.services.plugins.module_utils._restart.restart import by_unit, taken_along
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import (
    FOLDER,
    UnfinishedFolder,
)

if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

    from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState


OPTIONS: dict[str, Any] = {
    "units": {"type": "list", "elements": "str", "required": True},
    "kept_down": {"type": "bool", "default": False},
    "restarting": {"type": "path", "default": f"/{FOLDER}"},
}


def _runs(state: UnitState) -> bool:
    return state.is_active or state.in_transition


def _to_stop(units: Iterable[str], states: Mapping[str, UnitState]) -> dict[UnitState, tuple[UnitState, ...]]:
    """Give the units to stop, in order, and with each those that systemd stops along with it."""
    known = {**states, **by_unit(states)}
    named = [known[name] for name in units]
    ordered = [known[each] for state in named for each in (*state.triggered_by, state.unit)]
    found: dict[UnitState, tuple[UnitState, ...]] = {}
    for state in filter(_runs, ordered):
        if state.refusal:
            raise HostError(f"{state.unit} cannot be stopped: {state.refusal}", unit=state.unit)
        along = tuple(known[name] for name in taken_along(state.unit, known))
        for each in along:
            if each.managed:
                why = f"systemd would stop {each.unit} along with it: {each.managed}"
                raise HostError(f"{state.unit} cannot be stopped: {why}", unit=state.unit)
        found[state] = along
    return found


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    systemd, folder = Systemd(module.run_command), UnfinishedFolder(Path(module.params["restarting"]))
    try:
        states = systemd.follow(module.params["units"], related)
        to_stop = _to_stop(module.params["units"], states)
        stopped = [*dict.fromkeys(each for state, along in to_stop.items() for each in (state, *along))]
        for state in [] if module.check_mode else stopped:  # all of them before the first stop
            folder.write(state, boot_id())
        if module.params["kept_down"] and not module.check_mode:
            KeptDown(systemd, folder.path).put(state.unit for state in to_stop)
        for state in [] if module.check_mode else to_stop:
            systemd.must("stop", state.unit)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(
        changed=bool(stopped),
        stopped=[state.unit for state in stopped],
        diff={
            "before": "".join(f"{state.unit} {state}\n" for state in stopped),
            "after": "".join(f"{state.unit} stopped\n" for state in stopped),
        },
    )


if __name__ == "__main__":
    main()
