# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: members_down
short_description: Members that are down before a wave of a roll
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Puts together what M(orderly.services.internal.rolling_waves) knew before the first wave, and what hosts have seen
    since, when they looked at the members that those after them rely on.
options:
  _terms:
    description: What M(orderly.services.internal.rolling_waves) has registered.
    type: list
    elements: dict
    required: true
  wave:
    description: The number of the wave, from 0 on; -1 for what comes after the last.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Take the slots of every host and service
  orderly.services.rolling_lock:
    shared: true
    unhealthy: "{{ query('orderly.services.internal.members_down', rolling_restart_roll, wave=0) | first }}"
"""

RETURN = r"""
_raw:
  description: Hosts, each with the services that are down there.
  type: list
  elements: dict
"""

from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase

from ...plugin_utils._inventory.trusted import without_facts
from ...plugin_utils._roll.looks import down_before

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(
        self, terms: list[Mapping[str, Any]], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, list[str]]]:
        self.set_options(var_options=variables, direct=kwargs)
        hostvars = without_facts(variables or {})["hostvars"]
        wave = self.get_option("wave")
        return [down_before(roll, wave, lambda host, name: hostvars[host].get(name)) for roll in terms]
