#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deferred_restarts_table
short_description: Print one table of what waits for a restart in the fleet, and write it as JSON
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Prints what M(orderly.services.deferred_restarts_info) returned on the hosts of a play as one table, with what is
    paused and what is on hold, and says where automatic restarts are off, which units run replaced files without
    a requested restart, what went wrong, and what could not be checked.
  - Tells too which units of services are down, who holds slots and whether that run still works, who waits for one,
    what is frozen, and which hosts are out of service.
  - Runs on the controller and contacts no host. Reports C(changed) if it wrote, or in check mode would write, other
    content to O(json).
options:
  variable:
    description:
      - The variable in which the hosts of the play hold what M(orderly.services.deferred_restarts_info) returned.
    type: str
    default: deferred_restarts
  members:
    description:
      - The variable in which they hold what M(orderly.services.internal.member_units) returned. Without it, nothing is
        said of units that are down.
    type: str
  json:
    description: A file on the controller to write the same to, as JSON; it is replaced by rename, so that it is always
      complete.
    type: path
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
seealso:
  - module: orderly.services.deferred_restarts_info
"""

EXAMPLES = r"""
- name: Read which restarts are deferred
  orderly.services.deferred_restarts_info:
  register: deferred_restarts

- name: Print them as one table
  orderly.services.internal.deferred_restarts_table:
  run_once: true

- name: Print them, and keep them for other programs
  orderly.services.internal.deferred_restarts_table:
    json: /var/www/status/restarts.json
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
  sample:
    - HOST  UNIT           PENDING  SINCE                    WHY             PACKAGE
    - web1  nginx.service  restart  2026-11-23 06:31:07 UTC  Package update  nginx 1.22.1-9 → 1.22.1-9+deb12u3
    - 1 pending on 1 host; 3 hosts checked.
    - Automatic restarts are off on web1, web2, web3.
status:
  description: The same as plain data; what O(json) holds.
  returned: success
  type: dict
  contains:
    pending:
      description: How many restarts are pending in the fleet.
      type: int
    hosts_pending:
      description: On which hosts.
      type: list
      elements: str
    hosts:
      description: What M(orderly.services.deferred_restarts_info) returned on every host that was checked.
      type: dict
    not_checked:
      description: The hosts that could not be checked, and why.
      type: dict
    down:
      description: By host, the units that should run and do not, each with its state in systemd's words.
      type: dict
    units_not_checked:
      description: The other hosts of which it is not known whether their services run, and why.
      type: dict
    locks:
      description: The locks, as RV(orderly.services.rolling_lock_info#module:locks) gives them.
      type: dict
    locks_not_checked:
      description: Why the locks could not be read; empty where they were.
      type: str
"""
