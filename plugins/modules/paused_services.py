#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: paused_services
short_description: Stop services of a host for maintenance, and bring exactly those back
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - With O(state=paused) it stops units, the last first, and masks them, so that nothing starts them until they are
    resumed; no package, no task of this collection, and no reboot. Sockets and timers that would start them are paused
    too.
  - With O(state=resumed) it unmasks what it paused, starts what ran before, and checks that it runs. What did not run
    before stays down. Units that others have masked are left alone in both cases.
  - "What is paused is recorded in C(/var/lib/orderly/paused), one file for each unit: written before anything is
    stopped, removed when the unit runs again. A run that was killed is completed by the next, in either direction."
  - It does not matter whether automatic restarts are on or off. Strict mode (M(orderly.services.strict_mode)) is
    lifted. What was pending for a unit is settled by its start.
  - Reports I(changed) when a unit is paused or resumed, or would be in check mode.
  - It takes no lock and drains nothing. The playbooks C(orderly.services.pause_services) and
    C(orderly.services.resume_services) do.
options:
  services:
    description:
      - Names of service roles that are deployed on the host, or of units without their suffix.
      - If O(units) is empty too, all services that are deployed on the host are paused, or everything that is
        paused is resumed.
    type: list
    elements: str
    default: []
  units:
    description: Units with their suffix, in the order in which they start.
    type: list
    elements: str
    default: []
  state:
    description: Whether the units are paused or brought back.
    type: str
    choices: [paused, resumed]
    default: paused
  reason:
    description: Why they are paused, for those who find them paused.
    type: str
    default: ""
  timeout:
    description: How many seconds a unit may take to become active.
    type: int
    default: 30
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
notes:
  - A unit that is defined in C(/etc/systemd/system) cannot be masked; an C(AssertPathExists=) keeps it from starting
    instead.
seealso:
  - module: orderly.services.restart_services
"""

EXAMPLES = r"""
- name: Pause every service of this host
  orderly.services.paused_services:
    reason: New memory modules

- name: Bring back what was paused
  orderly.services.paused_services:
    state: resumed

- name: Pause the web server alone
  orderly.services.paused_services:
    services: [nginx]
"""

RETURN = r"""
units:
  description: What happened to every unit, in the order in which they start.
  returned: always
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
    result:
      description: >-
        One of V(paused), V(would_pause), V(already_paused), V(resumed), V(would_resume), V(not_paused), V(skipped) and
        V(failed).
      type: str
    why:
      description: Why it was skipped, was not started, or has failed.
      type: str
  sample:
    - unit: nginx.service
      result: paused
      why: ""
settled:
  description: The files of the records that were removed because their restart has happened.
  returned: always
  type: list
  elements: str
"""

import platform
import time
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import is_done
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict_files import StrictMode
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd, known_services
from ansible_collections.orderly.services.plugins.module_utils._restart.pause import (
    carry_out_pause,
    carry_out_resume,
    describe_failure,
    plan_pause,
    plan_resume,
    related,
    summarise,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import PausedFolder
from ansible_collections.orderly.services.plugins.module_utils._restart.restart import Patience

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["paused", "resumed"], "default": "paused"},
            "reason": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    systemd = Systemd(module.run_command)
    strict = StrictMode(systemd, module.run_command)
    folder = PausedFolder()
    store = DeferredStore()
    settled: list[str] = []

    def settle(state: UnitState) -> None:
        boot = boot_id()
        settled.extend(store.settle(lambda record: is_done(record, state, boot, ())))

    try:
        paused, trouble = folder.read()
        named = [*known_services(params["services"], systemd), *params["units"]]
        states = systemd.follow(named, related)
        if params["state"] == "paused":
            pause = plan_pause(named, states, paused, int(time.time()), params["reason"])
            results = pause.foresee()
            if not module.check_mode:
                results = carry_out_pause(pause, systemd, folder, lambda unit: strict.lift([unit]))
        else:
            resume = plan_resume(named, states, paused, everything=not named)
            results = resume.foresee()
            if not module.check_mode:
                patience = Patience(time.monotonic, time.sleep, params["timeout"], 0)
                results = carry_out_resume(resume, systemd, folder, settle, patience)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in trouble:
        module.warn(sentence)
    outcome = {**summarise(results), "settled": settled}
    failure = describe_failure(results, platform.node())
    if failure:
        module.fail_json(msg=failure, **outcome)
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
