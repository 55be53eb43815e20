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
    may be disrupted while it holds a slot of every affected service. Restarts, upgrades and reboots, from
    whichever playbook, take slots in the same locks, so they never take a service down together.
  - Acquiring takes one slot for every host of the wave in each of its services, all of them or none.
  - Hosts with the variable C(orderly_failure_domain) get slots of a service in one failure domain at a time,
    whoever asks.
  - It is also the gate of a roll. A host that fails, becomes unreachable, or whose controller dies, still
    holds its slots; the next wave of that roll is refused at once, naming that host. No keyword of the play
    is needed for that, and none interferes.
  - Slots never expire. The next run with such a host takes its slots over, once the run that held them is
    provably over. A host that has recovered otherwise is released with O(state=force_released).
  - The locks are in the store that O(store) names, on the controller. No host is contacted, so unreachable
    hosts in the batch do no harm. No task of a wave may contact a host before the slots are taken, not even
    to gather facts.
  - It acts once for the whole batch. Use it with C(run_once=true) in a play with the strategy
    P(ansible.builtin.linear#strategy), or with O(shared=true) in any play. A host may release or retry its own
    slots, with O(hosts) listing only that host.
options:
  state:
    description:
      - V(acquired) waits for slots and takes them. Slots that this roll and run already hold are kept. If this run
        has requests in the queue, it takes what it asked for first, and RV(callback) says what that was.
      - V(requested) puts a request into the queues of the services and continues without waiting. Take the slots with
        V(acquired) later; the place is kept until then, and others wait behind it while the run is alive. Repeating
        a request has no effect.
      - V(released) gives slots of this roll and run back, once the hosts are healthy, and withdraws its requests
        for them. Hosts whose operation has failed keep their slots.
      - V(retry_hold) says that the operation did not succeed and will be tried again with the slots held.
        V(retry_release) gives the slots back and requests them again, behind those who ask for the first time. If
        O(retries) is exhausted, the operation has failed, and the host keeps its slots; see RV(exhausted).
      - V(force_released) gives the slots of O(hosts) back, whoever holds them, and drops what was requested for them.
        It may let others disrupt a service while somebody is still working on one of its hosts, so it needs a
        O(reason), which the lock keeps.
      - V(frozen) grants nothing more in O(services), or in any, until V(thawed). Those who hold slots keep them and
        may give them back; others wait.
      - V(out_of_service) acknowledges that O(hosts) are down. They are skipped and listed, count against no budget,
        and are excluded from percentages until they are V(in_service) again.
    type: str
    choices:
      - requested
      - acquired
      - released
      - retry_hold
      - retry_release
      - force_released
      - frozen
      - thawed
      - out_of_service
      - in_service
    default: acquired
  shared:
    description:
      - For O(state=acquired) without C(run_once). Every host of the batch runs the task; the first one asks for the
        whole batch, and the others share its answer.
      - This is the way for P(ansible.builtin.free#strategy), where hosts do not wait for each other and C(run_once)
        is not supported.
    type: bool
    default: false
  services:
    description:
      - For O(state=acquired), the names of the services that will be disrupted, as a list or separated by
        spaces; each host takes slots of those that are deployed on it. Or a dictionary of lists that names
        the services for each host.
      - For other states, the services whose locks are changed, as a list or separated by spaces.
      - Without it, all services of the hosts, or for O(state=frozen) and O(state=thawed) all there are.
        O(state=released) and retries are always about all that the hosts hold.
    type: raw
  hosts:
    description:
      - The hosts of the wave.
      - For O(state=acquired) and O(state=requested) the default is the whole batch, C(ansible_play_batch). For
        O(state=released) it is the hosts that have not failed, C(ansible_play_hosts), so that the others keep their
        slots.
      - Required for O(state=force_released), O(state=retry_hold), O(state=retry_release), O(state=out_of_service)
        and O(state=in_service).
    type: list
    elements: str
  roll:
    description:
      - A name for the roll that the waves belong to. After a host of a roll failed, no other host of that
        roll is granted anything.
      - Give a roll that spans several runs its own name; by default every run is a roll.
    type: str
  operation:
    description:
      - A short name for what is done, shown to people who wait for it. The default is the name of the play.
    type: str
  callback:
    description:
      - What will be done with the slots, as a name that the task which gets them can act upon. It is kept with the
        request and the slots.
      - With O(state=acquired), take the slots for this, and not those requested for something else.
    type: str
  arguments:
    description:
      - What the O(callback) needs to know. Kept with it.
    type: dict
    default: {}
  retries:
    description:
      - How often the operation may be retried; V(0) for never. Without it there is no limit.
      - Kept with the request, for O(state=retry_hold) and O(state=retry_release).
    type: int
  last:
    description:
      - Wait until nobody else waits in the locks of these services; for a leader or a primary.
    type: bool
    default: false
  unhealthy:
    description:
      - Hosts that were found down before anything was done, as a list or separated by spaces, or as a dictionary that
        names the services which are down on each host.
      - They count against the budgets of these services. Slots for such a host itself cost no budget, as it is down
        already, and it is served before others.
    type: raw
    default: []
  wait:
    description:
      - How many seconds to wait for holders and earlier requests that are alive. While it waits, it reports
        for whom at least every ten seconds, or less often where many come first.
      - While a service is frozen it waits as well.
      - It never waits for holders that failed. It says so at once.
    type: int
    default: 3600
  recovers:
    description:
      - The hosts are put back and not disrupted. Slots that a run which is over has left behind are taken over while
        their service is frozen, too. Others are not granted then, as ever.
    type: bool
    default: false
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
      - Why slots are released by force, services frozen or hosts out of service, where it is required; or what went
        wrong before a retry. The lock keeps it.
    type: str
  store:
    description:
      - Where the locks are, as in V(sqlite:///srv/orderly/store.db).
      - The default is the variable C(orderly_store), else V(sqlite:///var/lib/orderly/store.db) for root and
        C(orderly/store.db) under C($XDG_STATE_HOME) for others.
    type: str
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
  - orderly.services.attributes.action
attributes:
  check_mode:
    details:
      - Nothing is taken or given back. A lock that is busy is reported, with RV(granted=false) and a warning,
        and is no error.
  action:
    details:
      - All of it runs on the controller.
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

- name: Take the slots of the whole batch in a play with strategy free, where each host runs this
  orderly.services.rolling_lock:
    services: [nginx]
    shared: true

- name: Give back the slots of this host there, as soon as it is done
  orderly.services.rolling_lock:
    state: released
    hosts: ["{{ inventory_hostname }}"]

- name: Give back the slot of a host that was repaired by hand
  orderly.services.rolling_lock:
    state: force_released
    hosts: [web1]
    services: [nginx]
    reason: Disk replaced, nginx checked by hand (ticket 4711)
  run_once: true

- name: Reserve a place in the queue, and prepare meanwhile
  orderly.services.rolling_lock:
    state: requested
    services: [nginx]
    callback: resize
    arguments: {workers: 8}
    retries: 2
  run_once: true

- name: Try again, after those who wait for the first time
  orderly.services.rolling_lock:
    state: retry_release
    hosts: [web1]
    reason: nginx does not answer
  run_once: true

- name: Roll nothing during the audit
  orderly.services.rolling_lock:
    state: frozen
    reason: Audit until Friday
  run_once: true

- name: Go on without a host that is broken
  orderly.services.rolling_lock:
    state: out_of_service
    hosts: [web3]
    reason: Mainboard ordered (ticket 4712)
  run_once: true
"""

RETURN = r"""
granted:
  description:
    - Whether the hosts may be disrupted. Every disruptive task should depend on it, and on the host's own
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
unhealthy:
  description: The hosts that were given as down, with their services.
  returned: when granted
  type: dict
  sample: {web3: [nginx]}
callback:
  description: What the slots were asked for.
  returned: when granted
  type: str
  sample: resize
arguments:
  description: What the callback needs to know.
  returned: when granted
  type: dict
  sample: {workers: 8}
operation:
  description: The short name of the operation.
  returned: when granted
  type: str
  sample: Restart nginx
positions:
  description: The place in the queue of each service.
  returned: for O(state=requested), and when O(wait) is over
  type: dict
  sample: {nginx: 2}
attempts:
  description: The hosts whose operations may be tried again, with the number of the retry.
  returned: for O(state=retry_hold) and O(state=retry_release)
  type: dict
  sample: {web1: 1}
exhausted:
  description: The hosts whose operations have failed, because they may not be retried, with the reason.
  returned: for O(state=retry_hold) and O(state=retry_release)
  type: dict
  sample: {web2: "tried 3 times, nginx does not answer"}
services:
  description: The services whose locks were changed.
  returned: for O(state=frozen), O(state=thawed), O(state=out_of_service) and O(state=in_service)
  type: list
  elements: str
  sample: [nginx]
ansible_facts:
  description: Facts that all hosts of the play get, or without C(run_once) the host that runs the task.
  returned: success, but not in check mode
  type: dict
  contains:
    rolling_status:
      description:
        - The status of each host of the play, by host. The status is V(active), V(waiting), V(maintenance), V(failed)
          or V(out_of_service); the message is a sentence such as V(Awaiting restart operation) or V(Executing restart
          operation).
      type: dict
      sample: {web1: {status: maintenance, message: Executing restart operation}}
roll:
  description: The roll that the slots belong to.
  returned: for all states that are about slots
  type: str
  sample: controller1-9f86d081-4711-22815043
store:
  description: The store that the slots are in, for M(orderly.services.internal.store_stamp).
  returned: when granted
  type: dict
  contains:
    id:
      description: Its id, which never changes.
      type: str
    name:
      description: What people call it.
      type: str
  sample: {id: 6b3c2f0e-5d7a-4d1c-9a0f-1f2e3d4c5b6a, name: "sqlite:///var/lib/orderly/store.db on controller1"}
asked_by:
  description: The host that has asked, if this one shares its answer.
  returned: with O(shared), on all hosts but the first to come
  type: str
  sample: web1
waited:
  description: How many seconds it waited for the slots.
  returned: when granted
  type: float
  sample: 12.4
taken_over:
  description:
    - Hosts whose slots were held before, by a run that is over or by another one of this roll. Their state is
      unknown, so their slots are given back only when they are healthy.
  returned: when granted
  type: list
  elements: str
  sample: [web1]
out_of_service:
  description: Hosts that get no slot because they are out of service, each with the reason.
  returned: when granted
  type: dict
  sample: {web3: "Mainboard ordered"}
msg:
  description: Why the slots are not granted, who holds them, and what to do.
  returned: when not granted
  type: str
why:
  description:
    - The same in one word. V(failed_before), hosts of this roll did not finish; V(budget_spent), hosts are down
      whoever disrupted them; V(holder_unknown), it is unknown here whether the holder is still working;
      V(runs_elsewhere), another run of this roll is still going; V(wave_too_large), there are more hosts in the wave
      than slots; V(domains_mixed), its hosts are in several failure domains; V(members_left), the inventory lacks
      members; V(held_by_own_run), V(out_of_turn) and V(holds_and_waits), the playbook takes slots in the wrong
      order; V(abandoned), ansible-playbook has ended; V(timed_out), O(wait) is over.
  returned: when the slots are refused
  type: str
  sample: failed_before
holders:
  description: The slots that are in the way.
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
      callback: ""
      arguments: {}
      attempt: 0
      failed: ""
"""
