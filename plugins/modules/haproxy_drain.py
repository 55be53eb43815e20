#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_drain
short_description: Drain a server of haproxy, and put it back
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Takes a server of one balancer out of service through haproxy's runtime socket and waits until its
    sessions have ended, or puts it back and waits until its health checks find it up.
  - What this module drained is recorded on the balancer, in C(/var/lib/orderly/drained), so that a later
    run can undo it. A server that somebody else put into maintenance or drained stays as it is, whatever
    O(state) says.
  - A reload of haproxy forgets drains. Then O(state=present) drains again, and O(state=absent) only waits
    for the server to be up.
options:
  server:
    description: Backend and server, as haproxy's configuration names them, separated by a slash.
    type: str
    required: true
  state:
    description:
      - V(present) drains the server; its sessions may end by themselves.
      - V(absent) puts it back, if this module drained it.
    type: str
    choices: [present, absent]
    default: present
  socket:
    description: The runtime socket, C(stats socket) in haproxy's configuration. It needs C(level admin).
    type: path
    default: /run/haproxy/admin.sock
  sessions:
    description:
      - Whose sessions O(state=present) waits for.
      - V(server) are those that this server has.
      - >-
        V(balancer) are those of all clients of this balancer: for a server that represents the balancer
        itself, and whose state its health endpoint shows.
    type: str
    choices: [server, balancer]
    default: server
  grace:
    description:
      - How many seconds the server is drained at least before sessions are counted.
      - Gives pollers of the balancer's health endpoint time to notice.
    type: float
    default: 0
  timeout:
    description: How many seconds to wait for sessions to end, or for the server to be up.
    type: float
    default: 60
  on_timeout:
    description:
      - What to do when sessions are still open after O(timeout).
      - V(fail) leaves the server drained. V(warn) reports how many sessions there are, and lets the play continue.
      - A server that does not come up in time is always a failure.
    type: str
    choices: [fail, warn]
    default: fail
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
attributes:
  check_mode:
    details: In check mode it does not wait.
seealso:
  - module: orderly.services.haproxy_info
"""

EXAMPLES = r"""
- name: Take this web server out of both balancers
  orderly.services.haproxy_drain:
    server: web/{{ inventory_hostname }}
  delegate_to: "{{ item }}"
  loop: [lb1, lb2]

- name: Put it back
  orderly.services.haproxy_drain:
    server: web/{{ inventory_hostname }}
    state: absent
  delegate_to: "{{ item }}"
  loop: [lb1, lb2]

- name: Let the clients of this balancer go elsewhere
  orderly.services.haproxy_drain:
    server: orderly/in_service
    sessions: balancer
    grace: 5
    on_timeout: warn
"""

RETURN = r"""
drained:
  description: Whether the server is now drained by us.
  returned: success
  type: bool
status:
  description: The server's status, as haproxy names it.
  returned: success
  type: str
  sample: DRAIN
sessions:
  description: The sessions at the last count.
  returned: success
  type: int
  sample: 0
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._haproxy.api import (
    Balancer,
    HaproxyError,
    RuntimeApi,
    poll,
)
from ansible_collections.orderly.services.plugins.module_utils._haproxy.drain import (
    Decision,
    DrainRecord,
    decide,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

RECORDS = Path("/var/lib/orderly/drained")


def apply(decision: Decision, api: RuntimeApi, record: DrainRecord) -> None:
    # The record comes first: a drain that lost its record would be taken for somebody else's.
    if decision.ours and not record.exists():
        record.keep(since=int(time.time()))
    if decision.set_state:
        api.set_state(record.server, decision.set_state)


def count_sessions(balancer: Balancer, params: dict[str, Any]) -> int:
    if params["sessions"] == "balancer":
        return balancer.sessions
    return balancer.server(params["server"]).sessions


def wait_for_sessions(module: AnsibleModule, api: RuntimeApi) -> Balancer:
    params = module.params
    time.sleep(params["grace"])
    balancer = poll(api.read, lambda seen: count_sessions(seen, params) == 0, params["timeout"])
    left = count_sessions(balancer, params)
    if left:
        whose = "this balancer" if params["sessions"] == "balancer" else params["server"]
        found = f"After {params['timeout']:g} s {whose} still has open sessions: {left}"
        if params["on_timeout"] == "fail":
            module.fail_json(msg=f"{found}. It stays drained: wait until they have ended, then run again.")
        module.warn(f"{found}. A restart will cut them.")
    return balancer


def wait_until_up(module: AnsibleModule, api: RuntimeApi) -> Balancer:
    name, timeout = module.params["server"], module.params["timeout"]
    balancer = poll(api.read, lambda seen: seen.server(name).is_up, timeout)
    server = balancer.server(name)
    if not server.is_up:
        module.fail_json(
            msg=f"After {timeout:g} s haproxy still sees {name} as {server.status} "
            f"(last health check: {server.check or 'none'})."
        )
    return balancer


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "server": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
            "sessions": {"type": "str", "choices": ["server", "balancer"], "default": "server"},
            "grace": {"type": "float", "default": 0},
            "timeout": {"type": "float", "default": 60},
            "on_timeout": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
        },
        supports_check_mode=True,
    )
    name, wanted = module.params["server"], module.params["state"] == "present"
    api = RuntimeApi(Path(module.params["socket"]))
    record = DrainRecord(RECORDS, name)
    try:
        balancer = api.read()
        recorded = record.exists()
        decision = decide(wanted, balancer.server(name), recorded)
        if not module.check_mode:
            apply(decision, api, record)
            if wanted:
                balancer = wait_for_sessions(module, api)
            elif decision.in_service:
                balancer = wait_until_up(module, api)
            if not decision.ours:
                record.forget()
    except (HaproxyError, HostError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(
        changed=decision.changes(recorded),
        drained=decision.ours,
        status=balancer.server(name).status,
        sessions=count_sessions(balancer, module.params),
    )


if __name__ == "__main__":
    main()
