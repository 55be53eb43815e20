#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_blockers
short_description: Check whether anything blocks disrupting a host
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Checks blockers, all of which must succeed, and maintenance windows, one of which must be open.
  - Anything but success blocks, be it a failure, a late answer, or none at all. An unreachable host blocks only if a
    command has to run on it.
  - It reports what blocks without failing, so that a wave can be refused as a whole.
options:
  blockers:
    description: The blockers to check. All of them must succeed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What people call it. The default is the command or the URL.
        type: str
      command:
        description: A command line for C(/bin/sh). It succeeds with exit status 0.
        type: str
      url:
        description: A URL that the controller requests. It succeeds with a success status.
        type: str
      "on":
        description:
          - Where the command runs. V(host) is the host that is going to be disrupted, as the user that the task
            becomes. On the V(controller) it runs as the user who runs the playbook.
        type: str
        choices: [host, controller]
      timeout:
        description: How many seconds to wait for an answer; no answer blocks.
        type: int
        default: 30
  windows:
    description: Maintenance windows. Without any, every time is allowed.
    type: list
    elements: dict
    default: []
    suboptions:
      start:
        description: When it opens, in its time zone.
        type: str
        required: true
      end:
        description: When it closes; on the next day, if that is not after O(windows[].start).
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
    description: How many seconds to wait until nothing blocks.
    type: int
    default: 0
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  check_mode:
    details: It checks, and does not wait.
  action:
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
  description: How many seconds it waited.
  returned: success
  type: float
  sample: 0.3
"""
