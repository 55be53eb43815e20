#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_turn
short_description: Take the slots of one host when it is its turn in a roll
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Takes a slot of every service that the host is visited for, or none. The other hosts of the batch do the same, each
    for itself, and begin in the order of the batch; so the next one starts as soon as slots are free.
  - Whoever has no turn yet keeps its place in the queue, waits for a moment, and is to ask again, in a new task. A
    host of the roll that fails is known to tasks that begin after that, so nothing is granted to one that has waited.
  - Once a host of the roll has failed or was refused, no further host is granted anything.
  - It is for a play with P(ansible.builtin.host_pinned#strategy), where a host that has begun is never left waiting for
    a process of Ansible by hosts that have not.
  - It runs on the controller, and contacts no host.
options:
  state:
    description:
      - V(acquired) takes the slots.
      - V(ended) lets no further host of this play have any. For a host that refuses the run and gives its slots back,
        so that the locks know nothing of it.
      - V(open) fails where a host has done so, and does nothing else. For hosts that ask together, with
        M(orderly.services.rolling_lock).
    type: str
    choices: [acquired, open, ended]
    default: acquired
  services:
    description: As in O(orderly.services.rolling_lock#module:services). Required with O(state=acquired).
    type: raw
  operation:
    description: As in O(orderly.services.rolling_lock#module:operation). Required with O(state=acquired).
    type: str
  unhealthy:
    description: As in O(orderly.services.rolling_lock#module:unhealthy).
    type: raw
    default: []
  retries:
    description: As in O(orderly.services.rolling_lock#module:retries).
    type: int
  wait:
    description: How many seconds to wait for other runs. Waiting for hosts of this run has no limit.
    type: int
    default: 3600
  after:
    description: What this module has returned before, when the host had to wait.
    type: dict
    default: {}
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
  - orderly.services.attributes.action
attributes:
  check_mode:
    details: Nothing is taken. A lock that is busy is reported with a warning, and nobody waits for it.
  action:
    details: All of it runs on the controller.
"""

EXAMPLES = r"""
- name: Take the slots of this host when it is its turn
  orderly.services.internal.rolling_turn:
    services: [nginx]
    operation: restart
    after: "{{ turn | default({}) }}"
  register: turn

- name: Ask again
  ansible.builtin.include_tasks: turn.yml
  when: turn.waits | default(false)
"""

RETURN = r"""
granted:
  description: Whether the host has its slots.
  type: bool
  returned: with O(state=acquired)
waits:
  description: V(true) where the host has to ask again.
  type: bool
  returned: when it has no turn yet
waited:
  description: How many seconds it has waited for other runs by now.
  type: float
  returned: success, with O(state=acquired)
pause:
  description: How many seconds it waits at most before it asks again.
  type: float
  returned: when it has no turn yet
slots:
  description: The services that the host holds slots of. The other values of M(orderly.services.rolling_lock) are
    returned too.
  type: dict
  returned: success, with O(state=acquired)
"""
