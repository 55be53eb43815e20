# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: play_end
short_description: The last line of a play whose hosts do their work by themselves
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Gives an empty text, to stand at the end of the name of the first task of a play.
  - When the run ends, in whichever way, one line says on how many hosts the play is done, and on which it is not. Only
    the process that reads the names of tasks is there till the end, also where Ansible stops after a play that failed.
options:
  _terms:
    description: The playbook.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Pause the services{{ lookup('orderly.services.internal.play_end', 'pause_services') }}
  orderly.services.paused_services:
    units: [nginx.service]
"""

RETURN = r"""
_raw:
  description: An empty text.
  type: list
  elements: str
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase

from ...plugin_utils._last_words import promise
from ...plugin_utils._report.play_end import ENDINGS, end_line
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_promised: set[str] = set()


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **_options: Any) -> list[str]:
        variables, playbook = variables or {}, terms[0]
        if "ansible_play_hosts_all" in variables and playbook not in _promised:
            _promised.add(playbook)
            hosts = list(variables["ansible_play_hosts_all"])
            check = bool(variables.get("ansible_check_mode"))
            promise(partial(_say, playbook, hosts, variables["hostvars"], check=check))
        return [""]


def _say(playbook: str, hosts: Collection[str], hostvars: Any, *, check: bool) -> None:
    ending = ENDINGS[playbook]

    def told(fact: str) -> dict[str, Any]:
        known = {host: (hostvars.raw_get(host) or {}).get(fact) for host in hosts}
        return {host: listing for host, listing in known.items() if listing is not None}

    say(end_line(playbook, hosts, told(ending.fact), without=told(ending.without), check=check))
