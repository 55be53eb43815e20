#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: store_stamp
short_description: Let a host be disrupted under the locks of one store only
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Writes on the host in which store its rolling locks are, the first time. From then on the host refuses every other
    store by name, until it is moved on purpose. Two people with different stores do not see each other's slots, so
    nothing else would keep them from taking a service down together.
  - The waves of this collection do this themselves. Your own playbook does it after taking its slots and before
    anything else.
options:
  store:
    description:
      - The store, as M(orderly.services.rolling_lock) and M(orderly.services.rolling_lock_info) return it.
      - By default the one that the variable C(orderly_store) names, else the file of this user on the controller.
    type: dict
  tokens:
    description:
      - The tokens of this host's slots, as RV(orderly.services.rolling_lock#module:tokens) gives them. The host
        remembers the last of each service, and refuses an older one, from a run that was suspended while its slots
        were taken by force.
    type: dict
    default: {}
  move:
    description:
      - Move the host from the store that it belongs to, to this one. Make sure that nothing rolls in either store
        meanwhile.
      - The host forgets all tokens, also where it belongs to this store already, which may come from a backup.
      - The playbook C(orderly.services.move_store) does that for all hosts.
    type: bool
    default: false
  path:
    description: The file of the stamp.
    type: path
    default: /var/lib/orderly/store-stamp.json
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
  - orderly.services.attributes.action
attributes:
  action:
    details: The store is looked up on the controller.
  check_mode:
    details: A host that would refuse does so in check mode too.
seealso:
  - module: orderly.services.rolling_lock
  - name: Rolling operations
    description: Where the locks are, and how a fleet moves to another store.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/rolling.md
"""

EXAMPLES = r"""
- name: Take a slot of nginx for each host of the batch
  orderly.services.rolling_lock:
    services: [nginx]
  run_once: true
  register: grant

- name: Continue only where the host knows no other store
  orderly.services.internal.store_stamp:
    tokens: "{{ grant.tokens[inventory_hostname] }}"
"""

RETURN = r"""
store:
  description: The store that the host belongs to afterwards, since when, in seconds since 1970, and the last tokens.
  returned: success
  type: dict
  sample:
    id: 6b3c2f0e-5d7a-4d1c-9a0f-1f2e3d4c5b6a
    name: etcd://etcd1:2379/orderly
    since: 1769829165
    tokens: {nginx: 41}
stamped:
  description: The store that the host belongs to, where it refuses.
  returned: when the host belongs to another store, or was disrupted under newer slots
  type: dict
overtaken:
  description: The services whose slots are older than those the host was last disrupted under.
  returned: when there are some
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._records.store_stamp import (
    DEFAULT_STAMP,
    plan_stamp,
    read_stamp,
    stamp_of,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "store": {"type": "dict"},
            "tokens": {"type": "dict", "default": {}, "no_log": False},
            "move": {"type": "bool", "default": False},
            "path": {"type": "path", "default": DEFAULT_STAMP},
        },
        supports_check_mode=True,
    )
    params = module.params
    path = Path(params["path"])
    try:
        wanted = stamp_of(params["store"] or {}, params["tokens"])
        change = plan_stamp(read_stamp(path), wanted, move=params["move"])
        if not module.check_mode:
            change.carry_out(path)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(
        changed=change.changes, store=vars(change.after) if change.after else {}, diff=change.diff()
    )


if __name__ == "__main__":
    main()
