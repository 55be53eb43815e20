#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: forgotten_campaigns
short_description: Forget upgrades that have ended
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Removes campaigns that ended or were abandoned from the store, each with its journal and the versions that its hosts
    had before and after. Open campaigns stay, whatever their age.
  - The end of every campaign does the same, with the same variables; use this after lowering them.
  - Runs on the controller and contacts no host.
options:
  kept:
    description: The most campaigns to keep; by default the variable C(orderly_campaigns_kept), else 50.
    type: int
  days:
    description:
      - Those that ended longer ago are forgotten even if they are few.
      - By default the variable C(orderly_campaigns_days), else 365.
    type: int
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
seealso:
  - name: Upgrading services
    description: What a campaign is, and what happens when something fails.
    link: https://github.com/orderly-services/orderly.services/blob/main/docs/upgrading-services.md
"""

EXAMPLES = r"""
- name: Keep the upgrades of the last month
  orderly.services.forgotten_campaigns:
    days: 31
  run_once: true
"""

RETURN = r"""
forgotten:
  description: The campaigns that are forgotten.
  returned: success
  type: list
  elements: str
  sample: [friday-1]
"""
