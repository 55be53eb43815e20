# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: roll_batches
short_description: Sizes of the waves of a roll, and its last line
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Gives how many hosts each wave of a roll has, as the C(serial) of a play takes it, from what
    M(orderly.services.internal.rolling_waves) has registered on the hosts of the group C(orderly_roll).
  - When the run ends, in whichever way, one line says what the roll did, on how many hosts, and what is left. Only the
    process that reads C(serial) is there till the end, also where Ansible stops after a wave that failed.
options:
  _terms:
    description: The variable in which the roll is registered.
    type: list
    elements: str
    required: true
  operation:
    description: What the roll does.
    type: str
    default: restart
"""

EXAMPLES = r"""
- name: Restart wave by wave
  hosts: orderly_roll
  serial: "{{ query('orderly.services.internal.roll_batches', 'rolling_restart_roll') }}"
"""

RETURN = r"""
_raw:
  description: The sizes; 1 where there is no wave.
  type: list
  elements: int
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ...plugin_utils._last_words import promise
from ...plugin_utils._roll.closing import closing_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

display = Display()
_promised: set[str] = set()


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[int]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = variables or {}
        hosts = variables.get("groups", {}).get("orderly_roll", [])
        if not hosts:
            return [1]
        hostvars = variables["hostvars"]
        roll = hostvars[hosts[0]][terms[0]]
        if terms[0] not in _promised:
            _promised.add(terms[0])
            check = bool(variables.get("ansible_check_mode"))
            say = partial(closing_line, self.get_option("operation"), roll, check=check)
            promise(partial(_say, say, lambda host, name: hostvars.raw_get(host).get(name)))
        return list(roll["batches"])


def _say(line: Callable[..., str], registered: Callable[[str, str], Any]) -> None:
    display.display(line(registered))
