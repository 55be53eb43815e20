#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: dns_info
short_description: Ask a name server questions, over UDP and TCP
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Asks one name server for the records of each name, once over each transport, and returns what it says. Nothing has
    to be installed on the host for that.
  - It is for the C(health.yml) of name servers, which may be active and yet answer nobody.
  - Fails, and names the question, where the server does not answer. An answer such as C(SERVFAIL) is no failure of the
    module.
  - Changes nothing, so it does the same in check mode.
options:
  names:
    description: The names to ask for.
    type: list
    elements: str
    required: true
  type:
    description: The type of the records.
    type: str
    choices: [A, AAAA, MX, NS, SOA, SRV, TXT]
    default: A
  server:
    description: Where the server is asked, as seen from this host. A name or an address.
    type: str
    default: 127.0.0.1
  port:
    description: The port of the server.
    type: int
    default: 53
  transports:
    description: Over what it is asked.
    type: list
    elements: str
    choices: [udp, tcp]
    default: [udp, tcp]
  timeout:
    description: How many seconds the server may take for each answer.
    type: float
    default: 3
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: The name server has the zones
  orderly.services.dns_info:
    names: [example.org, example.net]
    type: SOA
  register: zones
  failed_when: zones.answers | rejectattr('authoritative') | length > 0
"""

RETURN = r"""
answers:
  description: One answer for each name and transport.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name that was asked for.
      type: str
    transport:
      description: V(udp) or V(tcp).
      type: str
    status:
      description: The status of the answer.
      type: str
      sample: NOERROR
    authoritative:
      description: Whether the server says that the zone is its own.
      type: bool
    truncated:
      description: Whether the answer did not fit, and has to be asked for over TCP.
      type: bool
    records:
      description: How many records the answer has.
      type: int
    serial:
      description: The serial of the zone, where the answer has a SOA record.
      type: int
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._dns.message import TYPES
from ansible_collections.orderly.services.plugins.module_utils._dns.query import Server
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "type": {"type": "str", "choices": sorted(TYPES), "default": "A"},
            "server": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 53},
            "transports": {
                "type": "list",
                "elements": "str",
                "choices": ["udp", "tcp"],
                "default": ["udp", "tcp"],
            },
            "timeout": {"type": "float", "default": 3.0},
        },
        supports_check_mode=True,
    )
    given = module.params
    server = Server(given["server"], given["port"], given["timeout"])
    try:
        answers = [
            {"name": name, "transport": by, **asdict(server.ask(name, given["type"], by))}
            for name in given["names"]
            for by in given["transports"]
        ]
    except HostError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(answers=answers)


if __name__ == "__main__":
    main()
