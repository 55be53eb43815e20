# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: granted
short_description: Services that a host may be disrupted for in a play of an upgrade plan
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reads what M(orderly.services.internal.upgrade_gate) registered. Every task of a plan carries a condition on it.
  - Raises an error if the gate of this very play did not run, as with C(--start-at-task) and C(--step).
positional: play, host
options:
  _input:
    description: What the gate registered.
    type: dict
    required: true
  play:
    description: The id of the play.
    type: str
    required: true
  host:
    description: The host; without it, services that are granted to any host are returned.
    type: str
"""

EXAMPLES = r"""
- name: Upgrade nginx where the gate of this play allows it
  ansible.builtin.import_role:
    name: orderly_plan_nginx
    tasks_from: upgrade_tasks.step3
  when: "'nginx' in orderly_gate | orderly.services.granted('wave-1', inventory_hostname)"
"""

RETURN = r"""
_value:
  description: The names of the services, empty where there is nothing to do on the host.
  type: list
  elements: str
"""

import shlex
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def granted(gate: Mapping[str, Any], play: str, host: str | None = None) -> list[str]:
    """Name the services that the gate of *play* granted to *host*, or to any."""
    if gate.get("play") != play:
        raise AnsibleFilterError(
            f"The gate of {play} did not run (--start-at-task or --step skipped it), so none of its tasks may run. "
            f"Start at the gate instead: --start-at-task {shlex.quote(f'{play} | Pass the gate')}; "
            "it skips what is already done."
        )
    return [name for name, hosts in gate.get("granted", {}).items() if host is None or host in hosts]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"granted": granted}
