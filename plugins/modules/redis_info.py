#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: redis_info
short_description: Ask a redis and its sentinel how they are
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Asks the redis server and the sentinel of this host, or one of them, and says in sentences what is wrong, from a
    replica without its master to a sentinel that others do not reach. Valkey answers alike.
  - Nobody who does not answer is a failure of this module; it is a fault like the others.
  - Changes nothing, so it does the same in check mode.
options:
  cli:
    description: The command that connects to the server, with its options. Empty if there is none on this host.
    type: list
    elements: str
    default: [redis-cli]
  sentinel_cli:
    description: The command that connects to the sentinel, with its options. Empty if there is none.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: orderly.services.redis_failover
"""

EXAMPLES = r"""
- name: Wait until this redis and its sentinel are well
  orderly.services.redis_info:
    sentinel_cli: [redis-cli, -p, "26379"]
  register: redis
  until: not redis.faults
  retries: 60
  delay: 1
"""

RETURN = r"""
faults:
  description: What is wrong, as sentences. Empty if all is well.
  returned: success
  type: list
  elements: str
indispensable:
  description: Why this host must stay, as sentences, each about a master that had too few sentinels without it.
  returned: success
  type: list
  elements: str
role:
  description: What the server is by its own account, V(master) or V(slave). Empty if it does not answer.
  returned: success
  type: str
watched:
  description: The name that the sentinel has for the master of this server. Empty if it is not watched over.
  returned: success
  type: str
info:
  description: What C(INFO) says, by name. Empty if there is no server, or it does not answer.
  returned: success
  type: dict
  sample: {aof_enabled: "1", master_link_status: up, role: slave}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._redis.client import Client, look


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cli": {"type": "list", "elements": "str", "default": ["redis-cli"]},
            "sentinel_cli": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    cli, sentinel_cli = module.params["cli"], module.params["sentinel_cli"]
    if not cli and not sentinel_cli:
        module.fail_json(
            msg="Both cli and sentinel_cli are empty; name the command that connects to one of them."
        )
    state = look(
        Client(module.run_command, cli) if cli else None,
        Client(module.run_command, sentinel_cli) if sentinel_cli else None,
    )
    module.exit_json(
        faults=state.faults(),
        indispensable=state.indispensable(),
        role=state.role,
        watched=state.mine.name if state.mine else "",
        info=dict(state.info),
    )


if __name__ == "__main__":
    main()
