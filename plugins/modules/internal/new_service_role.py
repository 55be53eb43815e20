#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: new_service_role
short_description: Write the beginning of a service role
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Writes a role that declares how to verify and upgrade a service by its units and packages. Comments in it show what
    more a service may need. It can be planned and passes ansible-lint as it is. Its molecule scenario fails, and
    says why, until somebody writes where to try it and what to look at.
  - If V(orderly_services) of the inventory has the service, the role begins with what it says.
  - Runs on the controller and contacts no host. A role that is there already is refused and stays as it is.
options:
  name:
    description: How the service, its role and its group are called. Required.
    type: str
  roles:
    description: The folder for the role; by default V(roles) beside the inventory.
    type: path
extends_documentation_fragment:
  - orderly.services.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details: A role that is there already is refused.
"""

EXAMPLES = r"""
- name: Begin a role for shop
  orderly.services.internal.new_service_role:
    name: shop
  run_once: true
"""

RETURN = r"""
role:
  description: The folder of the role.
  returned: success
  type: str
  sample: /srv/fleet/roles/shop
files:
  description: The files in it.
  returned: success
  type: list
  elements: str
  sample: [README.md, defaults/main.yml]
lines:
  description: What was printed, and is left to do.
  returned: success
  type: list
  elements: str
"""
