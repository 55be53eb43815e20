#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: zookeeper_info
short_description: Ask a ZooKeeper server for its part in the ensemble
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Asks a server with the four-letter word C(srvr), which is allowed without any configuration, and returns its mode.
  - A server that does not answer, or that has lost the others and serves nobody, is no failure; RV(mode) is empty then.
  - Nothing that the host says becomes a fact of a host that delegates the task.
  - Changes nothing, so it does the same in check mode.
options:
  address:
    description: Where the server is asked, as seen from this host. A name or an address.
    type: str
    default: 127.0.0.1
  port:
    description: The port for clients, without TLS.
    type: int
    default: 2181
  timeout:
    description: How many seconds the server may take.
    type: float
    default: 5
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: Ask this server
  orderly.services.zookeeper_info:
  register: server

- name: It serves requests
  ansible.builtin.assert:
    that: server.mode | length > 0
    fail_msg: "It serves nobody: {{ server.reply }}"
"""

RETURN = r"""
mode:
  description: V(leader), V(follower), V(observer) or V(standalone); empty where it serves nobody.
  returned: always
  type: str
reply:
  description: All that it says, or why it says nothing.
  returned: always
  type: str
"""

import re
import socket

from ansible.module_utils.basic import AnsibleModule

MODE = re.compile(r"^Mode: (leader|follower|observer|standalone)$", re.MULTILINE)


def ask(address: str, port: int, timeout: float) -> str:
    """Give what a server says of itself, or why it says nothing."""
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(b"srvr")
            with connection.makefile("rb") as stream:
                return stream.read().decode(errors="replace").strip() or "it says nothing"
    except OSError as exc:
        return str(exc) or type(exc).__name__


def mode_of(reply: str) -> str:
    """Give the mode that a server names, if it does."""
    found = MODE.search(reply)
    return found[1] if found else ""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 2181},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    reply = ask(module.params["address"], module.params["port"], module.params["timeout"])
    module.exit_json(mode=mode_of(reply), reply=reply)


if __name__ == "__main__":
    main()
