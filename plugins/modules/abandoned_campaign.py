#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: abandoned_campaign
short_description: Abandon the campaign of an upgrade
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Gives up an open campaign. Its plan, run again, begins a new one, which does everything again.
  - Hosts keep the slots they hold in the rolling locks, because they may be half done. The playbook
    C(orderly.services.recover) verifies such hosts, and puts the healthy ones back.
  - Runs on the controller and contacts no host.
options:
  campaign:
    description: The campaign, with or without its number; by default what C(-e abandon_campaign) says.
    type: str
  reason:
    description: Why; it is kept with the campaign. By default what C(-e abandon_reason) says.
    type: str
  store:
    description: Where the journal is; by default the variable C(orderly_store), else the file of this user.
    type: str
extends_documentation_fragment:
  - orderly.services.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: A campaign that is not open is refused.
seealso:
  - name: Upgrading services
    description: What a campaign is, and what happens when something fails.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/upgrading-services.md
"""

EXAMPLES = r"""
- name: Give up the upgrade of last Friday
  orderly.services.abandoned_campaign:
    campaign: friday
    reason: the new release is withdrawn
  run_once: true
"""

RETURN = r"""
campaign:
  description: The campaign, as M(orderly.services.campaign_info) tells it.
  returned: success
  type: dict
"""
