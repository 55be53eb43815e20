#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: campaign_info
short_description: List the campaigns of upgrades
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Prints the campaigns that the store knows, the open ones first, and what was left of them when a run last looked.
  - Of each open one it also tells whether its last run works, in which wave of how many and on which hosts since when,
    who or what it waits for, which of its services are frozen, and about how long it takes to the end.
  - Runs on the controller and contacts no host.
options:
  campaign:
    description:
      - The name or the id of a campaign; by default all of them are listed. For a named campaign it also shows
        which package versions the hosts had before it.
    type: str
  open_only:
    description: Whether campaigns that have ended or were abandoned are left out.
    type: bool
    default: false
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.info_module
seealso:
  - name: Upgrading services
    description: What a campaign is, and what happens when something fails.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/upgrading-services.md
"""

EXAMPLES = r"""
- name: List the campaigns
  orderly.services.campaign_info:
  run_once: true

- name: Show one of them, and the versions before it
  orderly.services.campaign_info:
    campaign: friday
  run_once: true
"""

RETURN = r"""
campaigns:
  description: The campaigns.
  returned: success
  type: list
  elements: dict
  contains:
    campaign:
      description: Its id, which is its name or that of its plan, and a number.
      type: str
    state:
      description: V(open), V(ended) or V(abandoned).
      type: str
    plan:
      description: The id of its plan.
      type: str
    folder:
      description: The folder of its plan, on the controller of its last run.
      type: str
    opened:
      description: When it was begun.
      type: str
    ended:
      description: When it ended or was abandoned.
      type: str
    reason:
      description: Why it was abandoned.
      type: str
    run:
      description: The run that worked on it last.
      type: str
    plays_left:
      description: How many plays of the plan were not done.
      type: int
    finalizers:
      description: The services whose finalizers were not done.
      type: list
      elements: str
    temporary:
      description: The services that may still have temporary changes to undo.
      type: list
      elements: str
    now:
      description:
        - Where an open campaign is, as far as the store tells. Its keys are C(run), which is V(live), V(over) or
          V(unknown); C(play), C(title) and C(since) of the play that the run came to last; C(waits), whom or what it
          waits for; C(works_on) and C(left_behind), hosts by service; C(frozen), freezes by service; and C(to_the_end),
          how long the run takes from C(estimated) on. What is not known is empty.
      type: dict
      returned: when the campaign is open
    versions_before:
      description:
        - The installed versions before the campaign changed them, by service, host and package. The version is
          empty if the package was not installed.
      type: dict
      returned: when O(campaign) is given
      sample: {nginx: {web1: {nginx: 1.22.1-9}}}
"""
