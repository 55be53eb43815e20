# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: members_due
short_description: Members of services that a host looks at when it is done in a roll
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Gives those that M(orderly.services.internal.rolling_waves) has planned for the host, without those that the roll
    works on right now.
options:
  _terms:
    description: What M(orderly.services.internal.rolling_waves) has registered.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at the members that the next hosts rely on
  orderly.services.internal.member_units:
    units: "{{ item.value.values() | flatten | unique }}"
  loop: "{{ query('orderly.services.internal.members_due', rolling_restart_roll) }}"
  delegate_to: "{{ item.key }}"
"""

RETURN = r"""
_raw:
  description:
    - For each member its name (C(key)), its units by service (C(value)), when this was asked (C(at), in seconds of the
      controller), and whether the roll had visited it by then (C(visited)).
  type: list
  elements: dict
"""

import time
from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase

from ...plugin_utils._inventory.trusted import without_facts
from ...plugin_utils._roll.looks import due

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(
        self, terms: list[Mapping[str, Any]], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        known = without_facts(variables or {})
        here, hostvars = known["inventory_hostname"], known["hostvars"]
        return [
            each
            for roll in terms
            for each in due(
                roll["looks"].get(here, {}), lambda host, name: hostvars[host].get(name), time.monotonic()
            )
        ]
