#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_lock_info
short_description: Read who holds slots of services, who waits, and what is left of the disruption budgets
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reads rolling locks. It takes nothing and waits for nobody.
  - It runs on the controller, and contacts no host.
options:
  services:
    description:
      - The services whose locks are reported, as a list or separated by spaces.
      - Without it, all services that the store knows or the inventory deploys. They are reported as a request from this
        inventory would find them, with its budgets, and with all hosts that were ever registered.
    type: raw
    default: []
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  action:
    details: All of it runs on the controller.
seealso:
  - module: orderly.services.rolling_lock
  - plugin: orderly.services.rolling_lock
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Look at every lock
  orderly.services.rolling_lock_info:
  run_once: true
  register: rolling

- name: List the hosts that hold slots although nobody is working on them any more
  ansible.builtin.debug:
    msg: "{{ item.host }} has held a slot of {{ item.service }} since {{ item.since }}; its run is over"
  loop: "{{ rolling.locks.values() | map(attribute='holders') | flatten | selectattr('run', 'equalto', 'over') }}"
  run_once: true

- name: Show the status of each host
  ansible.builtin.debug:
    msg: "{{ rolling.statuses[inventory_hostname].message }}"
"""

RETURN = r"""
store:
  description:
    - The store that was read, for M(orderly.services.internal.store_stamp). The id is empty where there is none yet.
  returned: success
  type: dict
  contains:
    id:
      description: Its id, which never changes.
      type: str
    name:
      description: What people call it.
      type: str
  sample: {id: 6b3c2f0e-5d7a-4d1c-9a0f-1f2e3d4c5b6a, name: "sqlite:///var/lib/orderly/store.db on controller1"}
locks:
  description: The lock of each service, by its name.
  returned: success
  type: dict
  contains:
    max_unavailable:
      description: The disruption budget, a number or a percentage.
      type: raw
      sample: 25%
    slots:
      description: How many hosts that is at present.
      type: int
    budget_left:
      description: How many more hosts may become unavailable.
      type: int
    failure_budget:
      description: How many hosts a roll may lose before it stops.
      type: int
    members:
      description: The registered hosts; percentages are of them.
      type: list
      elements: str
    holders:
      description:
        - Who holds slots, host by host, since when, and for what. C(controller) and C(pid) say which ansible-playbook
          it is. C(run) is V(live) while that runs, V(over) when it provably has ended, or V(unknown) if that cannot
          be determined here.
      type: list
      elements: dict
      sample:
        - host: web1
          service: nginx
          operation: restart
          since: "2026-01-31T03:12:45+00:00"
          roll: controller1-9f86d081-4711-22815043
          controller: controller1
          pid: 4711
          run: live
          token: 40
          callback: ""
          arguments: {}
          attempt: 0
          failed: ""
    queue:
      description: Who waits, the next one first. C(position) counts from 1.
      type: list
      elements: dict
      sample:
        - position: 1
          hosts: [web2]
          operation: certificate
          since: "2026-01-31T03:13:02+00:00"
          roll: controller2-1b4f0e98-811-4420133
          controller: controller2
          pid: 811
          run: live
          callback: ""
          arguments: {}
          attempt: 0
          last: false
    out_of_service:
      description: The hosts that were acknowledged as down, with the reasons.
      type: dict
    frozen:
      description: Why nothing is granted (C(reason)), C(since) when, and C(by) whom. Null where it is not frozen.
      type: dict
    outcomes:
      description:
        - How the latest operations ended, the newest last. C(outcome) is V(released), V(taken_over),
          V(force_released), V(failed), V(withdrawn), V(abandoned), V(forgotten) or V(out_of_service).
      type: list
      elements: dict
      sample:
        - host: web1
          outcome: force_released
          reason: Disk replaced
          operation: restart
          since: "2026-01-31T03:12:45+00:00"
          ended: "2026-01-31T09:40:10+00:00"
          roll: controller1-9f86d081-4711-22815043
          token: 40
statuses:
  description:
    - The status of each host of the play, by host. The status is V(active), V(waiting), V(maintenance), V(failed) or
      V(out_of_service); the message is empty or a sentence.
  returned: success
  type: dict
  sample:
    web1: {status: maintenance, message: Executing restart operation}
    web2: {status: waiting, message: Awaiting certificate operation}
"""
