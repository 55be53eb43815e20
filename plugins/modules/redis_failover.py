#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: redis_failover
short_description: Let the sentinels of a redis make another one the master
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Does nothing to a replica, or to a server that no sentinel watches over.
  - On a master, pauses writes, waits until its replicas have everything, lets the sentinels fail it over, and makes
    it a replica of the new master. So nothing that it has confirmed is lost. Clients wait for that long, are
    disconnected, and find the new master through the sentinels. The pause ends after O(timeout), even if this process
    does not live.
  - Servers before redis 6.2 cannot pause writes alone. There the fail-over goes on without a pause, and a warning says
    so, as what is written in that moment may be lost.
  - Reports I(changed) when the master is another one afterwards; in check mode when it would be.
options:
  cli:
    description: The command that connects to the server, with its options.
    type: list
    elements: str
    default: [redis-cli]
  sentinel_cli:
    description: The command that connects to a sentinel that watches over it, with its options. Empty if there is none.
    type: list
    elements: str
    default: [redis-cli, -p, "26379"]
  timeout:
    description: For how many seconds writes may be paused. It is an error if there is no new master by then.
    type: int
    default: 30
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change
seealso:
  - module: orderly.services.redis_info
"""

EXAMPLES = r"""
- name: Let another redis be the master, if this one is
  orderly.services.redis_failover:
"""

RETURN = r"""
name:
  description: The name that the sentinels have for the master. Empty if there was nothing to do.
  returned: success
  type: str
master:
  description: The address of the new master. Empty if there was nothing to do, and in check mode.
  returned: success
  type: str
  sample: 192.0.2.12:6379
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._redis.client import Client, look
from ansible_collections.orderly.services.plugins.module_utils._redis.failover import Failover, plan_failover


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cli": {"type": "list", "elements": "str", "default": ["redis-cli"]},
            "sentinel_cli": {"type": "list", "elements": "str", "default": ["redis-cli", "-p", "26379"]},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    server = Client(module.run_command, params["cli"])
    sentinel = Client(module.run_command, params["sentinel_cli"]) if params["sentinel_cli"] else None
    master = ""
    try:
        name = plan_failover(look(server, sentinel))
        if name and sentinel and not module.check_mode:
            failover = Failover(server, sentinel, params["timeout"], time.monotonic, time.sleep)
            master = failover.hand_over(name)
            if not failover.paused:
                module.warn(
                    f"This redis cannot pause writes: what was written to {name} in that moment may be lost."
                )
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=bool(name), name=name, master=master)


if __name__ == "__main__":
    main()
