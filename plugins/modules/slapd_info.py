#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: slapd_info
short_description: Ask an OpenLDAP server what it replicates, and how far it has come
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Reads from C(cn=config) which databases a slapd has and which of them it gets from a provider, and from each
    database its C(contextCSN), the change that it has reached. Reads no password, and no entry of the directory.
  - A server that does not answer, or does not show its configuration, is no failure; RV(answers) is false then.
  - Nothing that the host says becomes a fact of a host that delegates the task.
  - Changes nothing, so it does the same in check mode.
options:
  client:
    description: The command that searches the server of this host, with how it connects and who it is there. It has to
      understand the options of C(ldapsearch), and may read C(cn=config).
    type: list
    elements: str
    default: [ldapsearch, -Q, -Y, EXTERNAL, -H, "ldapi:///"]
  timeout:
    description: How many seconds each search may take.
    type: int
    default: 10
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: Ask this server
  orderly.services.slapd_info:
  register: server

- name: It serves
  ansible.builtin.assert:
    that: server.answers
    fail_msg: "It does not: {{ server.reply }}"
"""

RETURN = r"""
answers:
  description: Whether the server answers, and shows its configuration.
  returned: always
  type: bool
reply:
  description: Why it does not; else empty.
  returned: always
  type: str
consumes:
  description: The suffixes of the databases that it gets from a provider (C(olcSyncrepl)), in lower case and without
    blanks after commas.
  returned: always
  type: list
  elements: str
provides:
  description: The suffixes of those that it writes itself. Where it also gets them from others (C(olcMultiProvider))
    they are among RV(consumes), too.
  returned: always
  type: list
  elements: str
reached:
  description: The last change that each database has, by its suffix and the number of the server that made the
    change, as in V(dc=example,dc=org 001). Changes of one number are in the order of their text.
  returned: always
  type: dict
"""

import base64
import re
from typing import Callable, Dict, List, Tuple

from ansible.module_utils.basic import AnsibleModule

Search = Callable[[List[str]], Tuple[int, str, str]]
Entry = Dict[str, List[str]]

NO_SUCH_OBJECT = 32
TIMED_OUT = 124
DATABASES = [
    "-b",
    "cn=config",
    "(olcSuffix=*)",
    "olcSuffix",
    "olcSubordinate",
    "olcMultiProvider",
    "olcMirrorMode",
]
# Of what is replicated the names alone (-A), as the values have passwords.
CONSUMERS = ["-A", "-b", "cn=config", "(&(olcSuffix=*)(olcSyncrepl=*))", "olcSyncrepl"]
NOTHING = {"answers": False, "reply": "", "consumes": [], "provides": [], "reached": {}}


def entries(text: str) -> list[Entry]:
    """Read the entries that ldapsearch prints (-LLL, without line breaks inside of values)."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        entry: Entry = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon and not line.startswith("#"):
                plain = base64.b64decode(value[1:]).decode(errors="replace") if value[:1] == ":" else value
                entry.setdefault(name.lower(), []).append(plain.strip())
        if entry:
            found.append(entry)
    return found


def suffix_of(entry: Entry) -> str:
    """Give the suffix of a database, as it is compared."""
    return re.sub(r"\s*([,=])\s*", r"\1", entry["olcsuffix"][0].lower())


def is_true(entry: Entry, *names: str) -> bool:
    """Tell whether one of these attributes is TRUE."""
    return any(value.upper() == "TRUE" for name in names for value in entry.get(name.lower(), []))


def reached(suffix: str, entry: Entry) -> dict[str, str]:
    """Give the last change by each server, "20261201003655.958671Z#000000#001#000000" of server 001."""
    changes = (change for change in entry.get("contextcsn", []) if change.count("#") == 3)
    return {f"{suffix} {change.split('#')[2]}": change for change in changes}


def look(search: Search) -> dict[str, object]:
    """Give what a server says of its databases, or why it says nothing."""
    status, text, reason = search(DATABASES)
    # What is glued below another database has no contextCSN of its own.
    databases = {
        each["dn"][0]: each for each in entries(text) if "olcsuffix" in each and "olcsubordinate" not in each
    }
    if status == TIMED_OUT:
        return {**NOTHING, "reply": "it does not answer in time"}
    if status not in (0, NO_SUCH_OBJECT):
        return {**NOTHING, "reply": reason.strip() or f"ldapsearch ended with {status}"}
    if not databases:
        return {**NOTHING, "reply": "it shows no database in cn=config to this client"}
    status, text, reason = search(CONSUMERS)
    if status != 0:
        return {**NOTHING, "reply": reason.strip() or f"ldapsearch ended with {status}"}
    consumers = {each["dn"][0] for each in entries(text)}
    changes: dict[str, str] = {}
    for database in databases.values():
        status, text, reason = search(["-s", "base", "-b", database["olcsuffix"][0], "contextCSN"])
        if status not in (0, NO_SUCH_OBJECT):  # it is empty yet
            return {**NOTHING, "reply": reason.strip() or f"ldapsearch ended with {status}"}
        for entry in entries(text):
            changes.update(reached(suffix_of(database), entry))
    writes = {name for name, each in databases.items() if is_true(each, "olcMultiProvider", "olcMirrorMode")}
    return {
        "answers": True,
        "reply": "",
        "consumes": sorted(suffix_of(databases[name]) for name in consumers & {*databases}),
        "provides": sorted(
            suffix_of(each) for name, each in databases.items() if name in writes or name not in consumers
        ),
        "reached": changes,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "client": {
                "type": "list",
                "elements": "str",
                "default": ["ldapsearch", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///"],
            },
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    client = [
        "timeout",
        str(module.params["timeout"]),
        *module.params["client"],
        "-LLL",
        "-o",
        "ldif-wrap=no",
    ]

    def search(words: list[str]) -> tuple[int, str, str]:
        status, out, err = module.run_command([*client, *words], environ_update={"LC_ALL": "C.UTF-8"})
        return status, out, err

    module.exit_json(**look(search))


if __name__ == "__main__":
    main()
