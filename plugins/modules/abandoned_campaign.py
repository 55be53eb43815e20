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
  - Abandons an open campaign. If its plan is run again, it begins a new campaign, which repeats everything.
  - Hosts keep the slots they hold in the rolling locks, because they may be half done. The playbook
    C(orderly.services.recover) verifies such hosts, and puts the healthy ones back.
  - Runs on the controller and contacts no host.
options:
  campaign:
    description: The campaign, with or without its number; by default the value of C(-e abandon_campaign).
    type: str
  reason:
    description: The reason, which is kept with the campaign. By default the value of C(-e abandon_reason).
    type: str
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
attributes:
  idempotent:
    support: none
    details: A campaign that is not open is refused.
seealso:
  - name: Upgrading services
    description: What a campaign is, and what happens when something fails.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/upgrading-services.md
"""

EXAMPLES = r"""
- name: Abandon last Friday's upgrade
  orderly.services.abandoned_campaign:
    campaign: friday
    reason: the new release is withdrawn
  run_once: true
"""

RETURN = r"""
campaign:
  description: The campaign, as M(orderly.services.campaign_info) returns it.
  returned: success
  type: dict
"""
