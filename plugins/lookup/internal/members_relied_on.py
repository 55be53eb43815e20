# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: members_relied_on
short_description: Members of services that a host looks at before its wave of an upgrade
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - A wave relies on the members that are not in it. Its hosts share them out, at most twenty to each of them; other
    waves begin with other members.
  - Leaves out hosts that are out of service, and those that C(--limit) leaves out.
options:
  _terms:
    description: For each service that needs some of its members, its C(group) and its C(units).
    type: list
    elements: dict
    required: true
  play:
    description: The id of the play, from which the turn of the members is made.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Look at the members that this wave relies on
  orderly.services.internal.member_units:
    units: "{{ item.value.values() | flatten | unique }}"
  loop: "{{ query('orderly.services.internal.members_relied_on', services, play='wave-1') | first | dict2items }}"
  delegate_to: "{{ item.key }}"
"""

RETURN = r"""
_raw:
  description: The members, with the units of each service.
  type: list
  elements: dict
"""

import zlib
from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase

from ...plugin_utils._common.text import natural
from ...plugin_utils._inventory.inventory import limited_hosts
from ...plugin_utils._inventory.trusted import without_facts
from ...plugin_utils._plan.names import OPENED
from ...plugin_utils._roll.looks import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...plugin_utils._roll.looks import Look


class LookupModule(LookupBase):
    def run(
        self, terms: list[Mapping[str, Any]], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[Look]:
        self.set_options(var_options=variables, direct=kwargs)
        known = without_facts(variables or {})
        wave, here = known["ansible_play_batch"], known["inventory_hostname"]
        away = (known.get(OPENED) or {}).get("away", {})
        limit = known.get("ansible_limit")
        asked = limited_hosts(self._loader, known["groups"], limit) if limit else None
        turn = zlib.crc32(self.get_option("play").encode())

        def looks(services: Mapping[str, Any]) -> Look:
            def units_of(host: str, name: str) -> Sequence[str]:
                is_asked = host not in wave and (asked is None or host in asked)
                return services[name]["units"] if is_asked and host not in away.get(name, ()) else ()

            groups = {name: each["group"] for name, each in services.items()}
            members = {
                name: sorted(known["groups"].get(group, ()), key=natural) for name, group in groups.items()
            }
            return share(members, wave, turn, units_of).get(here, {})

        return [looks(services) for services in terms]
