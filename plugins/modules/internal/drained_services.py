#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: drained_services
short_description: Remember which services of a host were drained, and by whom
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Keeps a record on the host of the services that an operation takes out of service, in C(/var/lib/orderly/drained).
  - The record is made before C(drain.yml) of a service role runs, and removed after C(undrain.yml). If the run dies
    in between, a later one reads here what to undrain, and undrains nothing else.
  - It drains and undrains nothing itself.
  - With O(store), it first makes sure that the host is disrupted under the locks of one store only,
    as M(orderly.services.internal.store_stamp) does, in the same task.
options:
  services:
    description:
      - Names of services. Without any, the record is only read.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) records the services. One that is already recorded keeps who drained it first.
      - V(absent) removes their records.
    type: str
    choices: [present, absent]
    default: present
  operation:
    description: What they are drained for.
    type: str
    default: ""
  roll:
    description: The roll that drains them, as M(orderly.services.rolling_lock) returns it.
    type: str
    default: ""
  path:
    description: The folder of the records.
    type: path
    default: /var/lib/orderly/drained
  store:
    description:
      - The store in which this run took its slots, as RV(orderly.services.rolling_lock#module:store) gives it. A host
        whose locks are in another store refuses, and nothing is changed there.
      - The stamp is the file C(store-stamp.json) beside the folder of the records.
    type: dict
  tokens:
    description:
      - The tokens of this host's slots in that store, as RV(orderly.services.rolling_lock#module:tokens) gives them. A
        host that was disrupted under newer slots since then refuses, because those of this run were taken by force.
    type: dict
    default: {}
  wait:
    description:
      - With O(store), seconds to wait for tasks of an earlier run that still work on this host under older slots of the
        same services, as its controller was killed. Where one is left then, the host refuses, and nothing is changed.
    type: int
    default: 300
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
attributes:
  check_mode:
    details: RV(services) is what would be recorded.
seealso:
  - name: Rolling operations
    description: What happens when a host or a controller fails, and how to recover.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/rolling.md
"""

EXAMPLES = r"""
- name: Remember that nginx is about to be drained
  orderly.services.internal.drained_services:
    services: [nginx]
    operation: new certificates
    store: "{{ grant.store }}"
    tokens: "{{ grant.tokens[inventory_hostname] }}"

- name: Remove the record, now that nginx is back in service
  orderly.services.internal.drained_services:
    services: [nginx]
    state: absent

- name: Read what is drained here
  orderly.services.internal.drained_services:
  register: drained
"""

RETURN = r"""
services:
  description: The services that are recorded afterwards.
  returned: success
  type: list
  elements: str
  sample: [nginx]
drained:
  description: The records.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
    operation:
      description: What it was drained for.
      type: str
    roll:
      description: The roll that drained it.
      type: str
    since:
      description: When, in seconds since 1970; 0 where that is not known.
      type: int
"""

import os
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.tasks import (
    WAIT_SECONDS,
    await_earlier_tasks,
)
from ansible_collections.orderly.services.plugins.module_utils._records.drained import (
    DEFAULT_FOLDER,
    Drained,
    DrainedFolder,
    plan_absent,
    plan_present,
)
from ansible_collections.orderly.services.plugins.module_utils._records.store_stamp import (
    STAMP,
    plan_stamp,
    read_stamp,
    stamp_of,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "operation": {"type": "str", "default": ""},
            "roll": {"type": "str", "default": ""},
            "path": {"type": "path", "default": DEFAULT_FOLDER},
            "store": {"type": "dict"},
            "tokens": {"type": "dict", "default": {}, "no_log": False},
            "wait": {"type": "int", "default": WAIT_SECONDS},
        },
        supports_check_mode=True,
    )
    params = module.params
    folder = DrainedFolder(Path(params["path"]))
    try:
        records, trouble = folder.read()
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in trouble:
        module.warn(sentence)
    if params["state"] == "absent":
        change = plan_absent(records, params["services"])
    else:
        now = int(time.time())
        change = plan_present(
            records, [Drained(name, params["operation"], params["roll"], now) for name in params["services"]]
        )
    stamped = False
    try:
        if params["store"]:
            stamp_path = folder.path.with_name(STAMP)
            stamp = plan_stamp(read_stamp(stamp_path), stamp_of(params["store"], params["tokens"]))
            stamped = stamp.changes
            if not module.check_mode:
                await_earlier_tasks(os.environ, params["wait"])
                stamp.carry_out(stamp_path)
        if not module.check_mode:
            change.carry_out(folder)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    result = change.as_result()
    module.exit_json(**{**result, "changed": result["changed"] or stamped})


if __name__ == "__main__":
    main()
