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
  - Changes nothing, so it does the same in check mode.
options:
  units:
    description: The units, with their suffix. By default those of all services that are deployed on the host.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
attributes:
  action:
    description: Has a corresponding action plugin, so some parts of its options run on the controller.
    support: full
    details: Services are translated into units on the controller.
seealso:
  - module: orderly.services.unit_info
"""

EXAMPLES = r"""
- name: Read how the services of this host are
  orderly.services.internal.member_units:
  register: members
"""

RETURN = r"""
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
  sample:
    - unit: nginx.service
      word: down
      says: failed (failed)
      refusal: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.plugins.module_utils._restart.members import members
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import PausedFolder
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import (
    UnfinishedFolder,
    with_unfinished,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={"units": {"type": "list", "elements": "str", "default": []}}, supports_check_mode=True
    )
    try:
        begun, trouble = UnfinishedFolder().read()
        shown = Systemd(module.run_command).show(module.params["units"])
        found = members(with_unfinished(begun, shown, boot_id()), PausedFolder().units())
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in trouble:
        module.warn(sentence)
    module.exit_json(changed=False, members=[each.as_dict() for each in found])


if __name__ == "__main__":
    main()
