#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: smtp_info
short_description: Ask a mail server whether it takes a message, without sending one
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Connects to a mail server, reads its banner, names a sender and a recipient, and takes it back before there is a
    message.
  - It is for the C(health.yml) of mail servers. A port that is open says less, as the processes that look at recipients
    may be missing behind it.
  - Fails, and says what the server answered, where it does not take the recipient.
  - Changes nothing, so it does the same in check mode.
options:
  recipient:
    description: The recipient. Every mail server has to take V(postmaster) (RFC 5321, 4.5.1).
    type: str
    default: postmaster
  sender:
    description: The sender. Empty is that of bounces.
    type: str
    default: ""
  server:
    description: Where the server is asked, as seen from this host. A name or an address.
    type: str
    default: 127.0.0.1
  port:
    description: The port of the server.
    type: int
    default: 25
  timeout:
    description: How many seconds the server may take for each answer.
    type: float
    default: 10
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: It takes mail for info
  orderly.services.smtp_info:
    recipient: info@example.org
  register: smtp
  until: smtp is success
  retries: 30
  delay: 1
"""

RETURN = r"""
banner:
  description: What the server says first.
  returned: success
  type: str
  sample: 220 mx1.example.org ESMTP Postfix
reply:
  description: What it says of the recipient.
  returned: success
  type: str
  sample: 250 2.1.5 Ok
"""

import smtplib

from ansible.module_utils.basic import AnsibleModule


def ask(server: str, port: int, sender: str, recipient: str, timeout: float) -> dict[str, str]:
    """Ask whether a recipient is taken; raises OSError with what the server said instead."""
    smtp = smtplib.SMTP(timeout=timeout)
    try:
        banner = _text(smtp.connect(server, port), "220")
        smtp.ehlo_or_helo_if_needed()
        _text(smtp.mail(sender), "25")
        reply = _text(smtp.rcpt(recipient), "25")
        smtp.rset()
        smtp.quit()
        return {"banner": banner, "reply": reply}
    finally:
        smtp.close()


def _text(reply: tuple[int, bytes], expected: str) -> str:
    text = f"{reply[0]} {reply[1].decode(errors='replace')}"
    if not text.startswith(expected):
        raise OSError(text)
    return text


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "recipient": {"type": "str", "default": "postmaster"},
            "sender": {"type": "str", "default": ""},
            "server": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 25},
            "timeout": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        said = ask(given["server"], given["port"], given["sender"], given["recipient"], given["timeout"])
    except OSError as exc:  # what smtplib raises is one too
        where = f"The mail server at {given['server']} port {given['port']}"
        module.fail_json(
            msg=f"{where} does not take mail for {given['recipient']}: {exc or type(exc).__name__}."
        )
    module.exit_json(**said)


if __name__ == "__main__":
    main()
