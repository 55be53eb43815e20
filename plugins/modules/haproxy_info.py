#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_info
short_description: Read the state of a running haproxy
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Asks a running haproxy through its runtime socket for its version, its sessions, its backends and servers.
  - Changes nothing, so it does the same in check mode.
options:
  servers:
    description: Servers that must exist, as C(backend/server). It is an error if one does not.
    type: list
    elements: str
    default: []
  socket:
    description: The runtime socket, C(stats socket) in haproxy's configuration.
    type: path
    default: /run/haproxy/admin.sock
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: orderly.services.haproxy_drain
"""

EXAMPLES = r"""
- name: Read the state of haproxy
  orderly.services.haproxy_info:
  register: balancer

- name: Make sure that it has the server that we are going to drain
  orderly.services.haproxy_info:
    servers: [web/web1]

- name: Every backend has a server that is up
  ansible.builtin.assert:
    that: balancer.backends_down | length == 0
    fail_msg: "No server is up in: {{ balancer.backends_down | join(', ') }}"
"""

RETURN = r"""
version:
  description: The version of the process that answers; the installed program may be newer.
  returned: success
  type: str
  sample: 2.6.12-1+deb12u3
pid:
  description: The process that answers (with C(master-worker) a worker, not the unit's main process).
  returned: success
  type: int
  sample: 4711
sessions:
  description: Sessions of clients that are open now, over all frontends.
  returned: success
  type: int
  sample: 12
servers:
  description: Every server, by backend and name.
  returned: success
  type: dict
  sample:
    web/web1:
      status: UP
      check: L7OK
      up: true
      sessions: 3
backends_down:
  description:
    - Backends that have servers, and none of them up.
    - A server that has not had its first health check since haproxy's start counts as not up.
  returned: success
  type: list
  elements: str
  sample: [api]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._haproxy.api import HaproxyError, RuntimeApi


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "servers": {"type": "list", "elements": "str", "default": []},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
        },
        supports_check_mode=True,
    )
    try:
        balancer = RuntimeApi(Path(module.params["socket"])).read()
        for name in module.params["servers"]:
            balancer.server(name)
    except HaproxyError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(
        version=balancer.version,
        pid=balancer.pid,
        sessions=balancer.sessions,
        servers={
            server.name: {
                "status": server.status,
                "check": server.check,
                "up": server.is_up,
                "sessions": server.sessions,
            }
            for server in balancer.servers.values()
        },
        backends_down=sorted(
            name
            for name, servers in balancer.backends().items()
            if not any(server.is_up for server in servers)
        ),
    )


if __name__ == "__main__":
    main()
