#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: member_units
short_description: Read how the units of the services of a host are
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reads of every unit of the services that are deployed on the host whether it runs, has failed, or was stopped on
    purpose. A roll asks every host before it begins, as a member that is down counts against the budget of its service.
  - Changes nothing on units, so it tells the same in check mode.
options:
  units:
    description: The units, with their suffix. By default those of all services that are deployed on the host.
    type: list
    elements: str
    default: []
  well_within:
    description:
      - Fail while a unit is down that should run, after so many seconds. By default that is only told.
      - A unit of which systemd cannot tell when it is ready (C(Type=simple) and the like) has to stay up for two
        seconds.
      - Of a unit that is up it is forgotten then that a restart once stopped it.
    type: int
  restarting:
    description: The folder in which it stands which restarts were begun and have not brought their unit back.
    type: path
    default: /var/lib/orderly/restarting
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  action:
    details: Services are translated into units on the controller.
seealso:
  - module: orderly.services.unit_info
"""

EXAMPLES = r"""
- name: Read how the services of this host are
  orderly.services.internal.member_units:
  register: members

- name: Go on only where they run
  orderly.services.internal.member_units:
    well_within: 10
"""

RETURN = r"""
machine:
  description: A mark of the machine and its boot; two names with the same mark reach one machine.
  returned: success
  type: str
members:
  description: The units that the host has.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit, as it was asked for.
      type: str
    word:
      description: >-
        V(up), also where it runs only when it is needed; V(down), it should run and does not; V(stopped) by somebody,
        though it starts with the host; V(off), so that it does not start with the host; V(paused); V(masked).
      type: str
    says:
      description: The unit's state, in systemd's words.
      type: str
    refusal:
      description: Why nobody can restart it by hand, if so.
      type: str
    along:
      description: The running units that systemd restarts along with it. Empty with O(well_within).
      type: list
      elements: str
  sample:
    - unit: nginx.service
      word: down
      says: failed (failed)
      refusal: ""
      along: []
"""

import platform
import time
from functools import partial
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.machine import machine_mark
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.plugins.module_utils._restart.members import (
    UP,
    Member,
    describe_down,
    look_until_well,
    members,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import PausedFolder
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import (
    FOLDER,
    UnfinishedFolder,
    with_unfinished,
)

STEADY_SECONDS = 2  # as restart_services watches a unit by default


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "well_within": {"type": "int"},
            "restarting": {"type": "path", "default": f"/{FOLDER}"},
        },
        supports_check_mode=True,
    )
    names, limit = module.params["units"], module.params["well_within"]
    systemd = Systemd(module.run_command)
    follow = partial(systemd.follow, others=lambda state: state.takes_along)
    boot = boot_id()
    try:
        restarting = UnfinishedFolder(Path(module.params["restarting"]))
        begun, trouble = restarting.read()
        paused = PausedFolder().units()

        def look() -> list[Member]:
            # Who only waits until units are well needs not know what they take along.
            shown = follow(names) if limit is None else systemd.show(names)
            steady_since = None if limit is None else time.monotonic() - STEADY_SECONDS
            return members(names, with_unfinished(begun, shown, boot), paused, steady_since)

        found = look() if limit is None else look_until_well(look, time.monotonic, time.sleep, limit)
        if limit is not None and not module.check_mode:  # somebody may stop it on purpose from now on
            restarting.remove(each.unit for each in found if each.word == UP)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in trouble:
        module.warn(sentence)
    result = {"changed": False, "members": [each.as_dict() for each in found], "machine": machine_mark()}
    fault = describe_down(found, platform.node())
    if fault and limit is not None:
        module.fail_json(msg=fault, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
