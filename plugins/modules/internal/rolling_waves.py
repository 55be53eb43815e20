#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_waves
short_description: Plan the waves of a roll
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - From what is pending on the hosts of the play, plans which hosts are visited together so that no service exceeds
    its disruption budget, and reports the waves, why there are so many, which services are down meanwhile, and
    which hosts are skipped. With C(-v) there is a line for each of many waves.
  - Hosts that an earlier roll of the same operation left behind, holding a slot of one of the requested services, come
    first, and so do hosts that are down. Hosts out of service are skipped.
  - The variable C(orderly_failure_domain) of a host names its rack or zone; a wave never holds hosts of two. A host
    with C(orderly_last) is in the last wave of its services.
  - It runs once, on the controller, and contacts no host. It is refused while a host of the play did not answer, unless
    that host is out of service.
options:
  survey:
    description:
      - The variable in which what every host answered is registered. Without it nothing was asked.
      - A host whose answer cannot be read, or that brings facts with names of variables of this collection, counts as
        one that did not answer.
    type: str
  members:
    description:
      - The variable in which M(orderly.services.internal.member_units) is registered. A member that is down goes first
        where the roll visits it; the others of its service count it against their budget.
    type: str
  about:
    description:
      - What was asked, by M(orderly.services.deferred_restarts_info) or by M(orderly.services.reboot_info).
    type: str
    choices: [pending, boot]
    default: pending
  everything:
    description: Whether to reboot also hosts that do not need it.
    type: bool
    default: false
  services:
    description: Services to restart, pending or not. Empty means every service deployed on the surveyed hosts.
    type: raw
    default: []
  deferred_only:
    description: Whether only services with a pending restart are restarted.
    type: bool
    default: false
  waves:
    description:
      - Sizes of waves, as C(serial) has them, each a number of hosts or a percentage of all hosts of the roll; the last
        one repeats. A size that exceeds a budget takes several waves. By default the variable C(rolling_op_waves).
    type: raw
  serial:
    description: One size for all waves; by default the variable C(rolling_op_serial).
    type: raw
  operation:
    description: What the roll does, as in O(orderly.services.rolling_lock#module:operation) of its waves.
    type: str
    default: restart
  tasks:
    description:
      - The task file that hosts run in their waves; with O(own_tasks) that of hosts that have none of their own.
    type: str
    default: ""
  own_tasks:
    description:
      - Whether users bring the task files. Each is found and read now, so that a missing or broken one stops the
        operation before anything is drained. A relative path is looked for in the current folder unless others can
        write there, beside the inventory, and beside the playbook.
      - A host or group variable C(rolling_op_tasks) of the inventory takes precedence over O(tasks), even if that
        comes from C(-e).
    type: bool
    default: false
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: Plan the waves
  orderly.services.internal.rolling_waves:
    survey: pending_restarts # as registered by orderly.services.deferred_restarts_info
    deferred_only: true
  run_once: true
  register: roll

- name: Plan them with a canary, then a tenth, then all the rest
  orderly.services.internal.rolling_waves:
    waves: [1, 10%, 100%]
  run_once: true
  register: roll
"""

RETURN = r"""
order:
  description: The hosts, wave after wave.
  type: list
  elements: str
  returned: success
batches:
  description:
    - How many hosts may begin before others must be done; with V(order) it makes the C(serial) of a play. Those are the
      hosts of one wave, or of several that need no barrier between them.
  type: list
  elements: int
  returned: success
strategy:
  description:
    - The C(strategy) of the play. With P(ansible.builtin.host_pinned#strategy) hosts do not wait for each other, and
      each takes its slots by itself (M(orderly.services.internal.rolling_turn)).
    - It is P(ansible.builtin.linear#strategy) if blockers or maintenance windows are checked for a wave as a whole,
      or if task files do something on one host for all.
  type: str
  returned: success
  sample: ansible.builtin.host_pinned
waves:
  description: For each wave, its hosts and the services they are visited for.
  type: list
  elements: dict
  returned: success
visits:
  description: For each host, the services it is visited for, as P(orderly.services.deployed_services#lookup) returns
    them.
  type: dict
  returned: success
tasks:
  description: The task file of each host.
  type: dict
  returned: success
  sample: {web1: /srv/ansible/new_certificates.yml}
outages:
  description: Services that are down during some waves, because all their hosts are in them or out of service.
  type: list
  elements: str
  returned: success
pending:
  description: For each host, the units whose restart is pending.
  type: dict
  returned: success
unhealthy:
  description:
    - For each wave, and for what comes after the last, the hosts outside of it that are down, with their services, as
      O(orderly.services.rolling_lock#module:unhealthy) takes them.
  type: list
  elements: dict
  returned: success
looks:
  description:
    - For each host, the members that it looks at when it is done, as the next wave relies on them, with the units of
      each service. P(orderly.services.internal.members_down#lookup) reads what it saw.
  type: dict
  returned: success
  sample: {web1: {web3: {nginx: [nginx.service]}}}
wave_of:
  description: The number of each host's wave, from 0 on.
  type: dict
  returned: success
out_of_service:
  description: For each host that is skipped, why its services are out of service there.
  type: dict
  returned: success
units_without_service:
  description: For each host, pending units that belong to no service, and take none along.
  type: dict
  returned: success
"""
