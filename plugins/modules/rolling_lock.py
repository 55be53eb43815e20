#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_lock
short_description: Take slots of services before disrupting their hosts, and give them back
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Every service has a rolling lock with as many slots as its disruption budget, C(max_unavailable). A host
    may be disrupted while it holds a slot of every service that suffers. Restarts, upgrades and reboots, from
    whichever playbook, take slots in the same locks, so they never take a service down together.
  - Acquiring takes one slot for every host of the wave in each of its services, all of them or none.
  - It is also the gate of a roll. A host that fails, becomes unreachable, or whose controller dies, still
    holds its slots; the next wave of that roll is refused at once and told which host it was. No keyword of
    the play is needed for that, and none gets in its way.
  - Slots never expire. The next run with such a host takes its slots over, once the run that held them is
    provably over. A host that has recovered otherwise is released with O(state=force_released).
  - The locks are in the store that O(store) names, on the controller. No host is contacted, so unreachable
    hosts in the batch do no harm. Let no task of a wave contact a host before the slots are taken, not even
    by gathering facts.
  - Must be used with C(run_once=true), in a play with the strategy P(ansible.builtin.linear#strategy).
options:
  state:
    description:
      - V(acquired) waits for slots and takes them. What this roll and run hold already stays theirs.
      - V(released) gives slots of this roll and run back, once the hosts are healthy, and withdraws what
        is waited for.
      - V(force_released) gives the slots of O(hosts) back, whoever holds them. It may let others disrupt
        a service on whose host somebody still works, so it needs a O(reason), which the lock keeps.
    type: str
    choices: [acquired, released, force_released]
    default: acquired
  services:
    description:
      - For O(state=acquired), the names of the services that will be disrupted, as a list or separated by
        spaces; each host takes slots of those that are deployed on it. Or a dictionary of lists that names
        the services for each host.
      - For O(state=force_released), the services whose slots are given back, as a list or separated by
        spaces.
      - Without it, all services of the host. O(state=released) always gives back all that the hosts hold.
    type: raw
  hosts:
    description:
      - The hosts of the wave.
      - For O(state=acquired) the default is the whole batch, C(ansible_play_batch). For O(state=released)
        it is the hosts that have not failed, C(ansible_play_hosts), so that the others keep their slots.
      - Required for O(state=force_released).
    type: list
    elements: str
  roll:
    description:
      - A name for what the waves belong to. After a host of a roll failed, no other host of that roll is
        granted anything.
      - A roll that goes on over several runs has a name of its own; by default every run is a roll.
    type: str
  operation:
    description:
      - A short name for what is done, shown to people who wait for it. The default is the name of the play.
    type: str
  wait:
    description:
      - For how many seconds to wait for holders and earlier requests that are alive. While it waits, it tells
        for whom at least every ten seconds.
      - It never waits for holders that failed. It says so at once.
    type: int
    default: 3600
  forget_members:
    description:
      - Hosts that have left their services for good. A percentage counts every host that was ever registered
        for the service; where the inventory lacks some of them and this changes the number of slots, the
        slots are refused until this confirms that they have left.
    type: list
    elements: str
    default: []
  reason:
    description:
      - Why slots are forced to be released. Required for O(state=force_released).
    type: str
  store:
    description:
      - Where the locks are, as in V(sqlite:///srv/orderly/store.db).
      - The default is the variable C(orderly_store), else V(sqlite:///var/lib/orderly/store.db) for root and
        C(orderly/store.db) under C($XDG_STATE_HOME) for others.
    type: str
extends_documentation_fragment:
  - orderly.services.attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is taken or given back. A lock that is busy is reported, with RV(granted=false) and a warning,
        and is no error.
  diff_mode:
    support: none
  action:
    description: Has a corresponding action plugin, so some parts of its options run on the controller.
    support: full
    details:
      - All of it runs on the controller.
  idempotent:
    support: full
seealso:
  - name: Rolling operations
    description: Budgets, what happens when a host fails, how to resume, when to force.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/rolling.md
"""

EXAMPLES = r"""
# In a play with serial: 2 and gather_facts: false, so that nothing contacts a host before it may be disrupted.
- name: Take a slot of nginx for each host of the batch
  orderly.services.rolling_lock:
    services: [nginx]
  run_once: true

- name: Restart nginx
  ansible.builtin.systemd_service:
    name: nginx.service
    state: restarted

- name: Nginx answers
  ansible.builtin.wait_for:
    port: 80

- name: Give the slots of the hosts that came back to others
  orderly.services.rolling_lock:
    state: released
  run_once: true

- name: Take slots of all services of each host, and wait at most ten minutes
  orderly.services.rolling_lock:
    operation: reboot
    wait: 600
  run_once: true

- name: Give back the slot of a host that was repaired by hand
  orderly.services.rolling_lock:
    state: force_released
    hosts: [web1]
    services: [nginx]
    reason: Disk replaced, nginx checked by hand (ticket 4711)
  run_once: true
"""

RETURN = r"""
granted:
  description:
    - Whether the hosts may be disrupted. Let every task that disrupts depend on it, and on the host's own
      entry in RV(slots).
  returned: for O(state=acquired)
  type: bool
  sample: true
slots:
  description:
    - The services that each host holds a slot of, or that were given back for it. A host that is out of
      service has no entry.
  returned: success
  type: dict
  sample: {web1: [nginx, haproxy]}
tokens:
  description:
    - The number of each slot. Numbers increase with every grant in the store.
  returned: for O(state=acquired)
  type: dict
  sample: {web1: {nginx: 41, haproxy: 41}}
roll:
  description: The roll that the slots belong to.
  returned: success
  type: str
  sample: controller1-9f86d081-4711-22815043
waited:
  description: For how many seconds the slots were waited for.
  returned: when granted
  type: float
  sample: 12.4
out_of_service:
  description: Hosts that get no slot as they are out of service, each with the reason.
  returned: when granted
  type: dict
  sample: {web3: "Mainboard ordered"}
msg:
  description: Why the slots are not granted, who stands in the way, and what to do.
  returned: when not granted
  type: str
why:
  description:
    - The same in one word. V(failed_before), a host of this roll did not finish; V(budget_spent), hosts of
      other rolls did not finish; V(holder_unknown), nobody here can tell whether the holder still works;
      V(runs_elsewhere), another run of this roll goes on; V(wave_too_large), there are more hosts in the wave
      than slots; V(members_left), the inventory lacks members; V(held_by_own_run) and V(holds_and_waits), the
      playbook takes slots in the wrong order; V(abandoned), ansible-playbook has ended; V(timed_out), O(wait)
      is over.
  returned: when the slots are refused
  type: str
  sample: failed_before
holders:
  description: The slots that stand in the way.
  returned: when not granted
  type: list
  elements: dict
  sample:
    - host: web1
      service: nginx
      operation: Restart nginx
      since: "2026-01-31T03:12:45+00:00"
      roll: controller1-9f86d081-4711-22815043
      controller: controller1
      pid: 4711
      token: 40
"""
