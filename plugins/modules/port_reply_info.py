#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: port_reply_info
short_description: Ask a daemon something on its port, and expect an answer
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Connects to a TCP port from this host, sends a text, and fails unless the answer matches what is expected.
  - A port that is open only says that something listens. M(ansible.builtin.wait_for) looks at that, and sends nothing.
  - Changes nothing, so it does the same in check mode; send only what changes nothing either.
options:
  host:
    description: The address of the daemon, as seen from this host.
    type: str
    default: 127.0.0.1
  port:
    description: Its TCP port.
    type: int
    required: true
  send:
    description: What to send, with its line breaks. Nothing is sent to a daemon that speaks first.
    type: str
    default: ""
  expect:
    description: A regular expression of Python that is searched for in the answer.
    type: str
    required: true
  timeout:
    description: How many seconds the answer may take.
    type: float
    default: 5
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - module: ansible.builtin.wait_for
"""

EXAMPLES = r"""
- name: Ask memcached for its version
  orderly.services.port_reply_info:
    port: 11211
    send: "version\r\n"
    expect: "^VERSION "

- name: A mail server greets
  orderly.services.port_reply_info:
    port: 25
    expect: "^220 "
"""

RETURN = r"""
reply:
  description: What was answered.
  returned: success
  type: str
  sample: "VERSION 1.6.18\r\n"
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.reply import ask


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "required": True},
            "send": {"type": "str", "default": ""},
            "expect": {"type": "str", "required": True},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        expected = re.compile(given["expect"])
    except re.error as exc:
        module.fail_json(msg=f"expect is {given['expect']!r}; expected a regular expression: {exc}")
    try:
        reply = ask((given["host"], given["port"]), given["send"].encode(), expected, given["timeout"])
    except HostError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(reply=reply)


if __name__ == "__main__":
    main()
