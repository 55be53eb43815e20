#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: temporary_changes
short_description: Remember temporary changes on a host, and how it was before
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Keeps a record on the host of what a service role changes only for the duration of an upgrade, a restart or a
    reboot, such as a maintenance mode, a pinned version or a masked unit, in C(/var/lib/orderly/temporary).
  - Record a change before you make it, in C(drain.yml) or in a step of C(upgrade_tasks.yml). The task file
    C(undo.yml) of the service role undoes it, and only what is recorded is undone; the playbooks of this collection
    take care of that, and of the record, even after a run that died.
  - It changes nothing but the record.
options:
  service:
    description:
      - The name of the service. Without it, everything that is recorded is read.
      - Without O(name), what is due for the service is read.
    type: str
  name:
    description: What is changed, in a word; C(undo.yml) knows it by this name.
    type: str
  previous:
    description:
      - How it was before, any data; C(undo.yml) finds it in the variable C(temporary_changes) under O(name).
      - A recorded value is kept, so it does no harm if a repeated task reads what it has changed itself.
    type: raw
  until:
    description:
      - When it is undone.
      - V(verified) is in the wave of the host, after C(verify.yml) and before C(undrain.yml).
      - V(upgraded) is when every host of every service is upgraded, before C(finalize.yml); anything else that
        is still recorded is undone then too.
    type: str
    choices: [verified, upgraded]
  state:
    description:
      - V(present) records O(name).
      - V(absent) removes the record; without O(name), the records that are due.
    type: str
    choices: [present, absent]
    default: present
  campaign:
    description: The campaign of the upgrade that it is for. The plays of a plan set it themselves.
    type: str
    default: ""
  path:
    description: The folder of the records.
    type: path
    default: /var/lib/orderly/temporary
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
seealso:
  - name: Make a service upgradable
    description: How a role undoes its temporary changes.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/service-roles.md
"""

EXAMPLES = r"""
- name: Record which version was used before it is pinned
  orderly.services.temporary_changes:
    service: nova_compute
    name: rpc_version
    previous: "{{ spoken.stdout }}"
    until: upgraded

- name: Record that the unit is about to be masked
  orderly.services.temporary_changes:
    service: nova_compute
    name: masked
    until: verified

- name: Read the temporary changes on this host
  orderly.services.temporary_changes:
  register: temporary
"""

RETURN = r"""
temporary_changes:
  description: What is recorded, or due, before any record is removed.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
    name:
      description: What is changed.
      type: str
    until:
      description: When it is undone.
      type: str
    previous:
      description: How it was before.
      type: raw
    campaign:
      description: The campaign that it is for; empty if it is for none.
      type: str
    since:
      description: Since when, in seconds since 1970.
      type: int
previous:
  description: How they were before, by name, as C(undo.yml) gets it.
  returned: success
  type: dict
  sample: {rpc_version: auto}
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._records.temporary import (
    MOMENTS,
    UPGRADED,
    Change,
    TemporaryChange,
    TemporaryFolder,
    plan_absent,
    plan_present,
    plan_reading,
)

if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str"},
            "name": {"type": "str"},
            "previous": {"type": "raw"},
            "until": {"type": "str", "choices": list(MOMENTS)},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "campaign": {"type": "str", "default": ""},
            "path": {"type": "path", "default": "/var/lib/orderly/temporary"},
        },
        supports_check_mode=True,
    )
    folder = TemporaryFolder(Path(module.params["path"]))
    try:
        records, trouble = folder.read()
        if trouble:
            raise HostError(" ".join(trouble))
        change = plan(module.params, records)
        if not module.check_mode:
            change.carry_out(folder)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**change.as_result())


def plan(params: Mapping[str, Any], records: Iterable[TemporaryChange]) -> Change:
    service, name, until = params["service"], params["name"], params["until"]
    if service is None and (name or params["state"] == "absent"):
        raise HostError("Option service is required.")
    if params["state"] == "absent":
        return plan_absent(records, service, until or UPGRADED, name)
    if not name:
        return plan_reading(records, service, until or UPGRADED)
    if until is None:
        raise HostError(f'Say when "{name}" is undone: until is verified or upgraded.')
    now = int(time.time())
    return plan_present(
        records, TemporaryChange(service, name, until, params["previous"], params["campaign"], now)
    )


if __name__ == "__main__":
    main()
