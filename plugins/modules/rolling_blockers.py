#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_blockers
short_description: Ask whether anything stands in the way of disrupting a host
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Asks blockers, which must answer well, and maintenance windows, of which one must be open.
  - Whatever is not a good answer blocks, that is a bad one, a late one, and none at all. An unreachable host blocks
    only where one of its commands has to be asked.
  - It reports what blocks and is no failure then, so that a wave can be refused as a whole.
options:
  blockers:
    description: The questions. All of them must be answered well.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What people know it as. The default is the command or the URL.
        type: str
      command:
        description: A command line for C(/bin/sh). It answers well with the exit status 0.
        type: str
      url:
        description: A URL that the controller gets. It answers well with a status of success.
        type: str
      "on":
        description:
          - Where the command runs. V(host) is the host that is going to be disrupted, and the user is the one whom the
            task becomes. On the V(controller) it is the user who runs the playbook.
        type: str
        choices: [host, controller]
      timeout:
        description: After how many seconds no answer is one that blocks.
        type: int
        default: 30
  windows:
    description: Maintenance windows. Without any it is always time.
    type: list
    elements: dict
    default: []
    suboptions:
      start:
        description: When it opens, by clocks of its time zone.
        type: str
        required: true
      end:
        description: When it closes. Where that is not after O(windows[].start), on the next day.
        type: str
        required: true
      timezone:
        description: The name of a time zone, as in V(Europe/Berlin).
        type: str
        required: true
      days:
        description: The days on which it opens. A window over midnight belongs to the day on which it opens.
        type: list
        elements: str
        choices: [mon, tue, wed, thu, fri, sat, sun]
  wait:
    description: For how many seconds to wait until nothing blocks.
    type: int
    default: 0
extends_documentation_fragment: [orderly.services.attributes]
attributes:
  check_mode:
    support: full
    details: It asks, and does not wait.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
  action:
    description: Has a corresponding action plugin, so some parts of its options run on the controller.
    support: full
    details: All of it runs on the controller; hosts need no Python for their commands.
"""

EXAMPLES = r"""
- name: Nothing stands in the way
  orderly.services.rolling_blockers:
    blockers:
      - name: backup
        command: "! pgrep pg_dump"
      - name: alerts
        url: https://monitoring.example.org/no-alerts
    windows:
      - days: [sat, sun]
        start: "22:00"
        end: "04:00"
        timezone: Europe/Berlin
    wait: 600
  register: asked
  failed_when: asked.blocked | length > 0
"""

RETURN = r"""
blocked:
  description: What blocks, and why, empty if nothing does.
  returned: success
  type: list
  elements: str
  sample: ["backup on web1 (exit status 1 on the host)"]
waited:
  description: For how many seconds it waited.
  returned: success
  type: float
  sample: 0.3
"""
