# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: trusted
short_description: Read variables without what hosts have answered
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Gives the values of variables as inventory, roles, playbook and command line set them. Facts are left out, those in
    a fact cache too.
  - Any module's answer may bring facts, and facts win over the inventory and over defaults of roles. So what a task
    does on another host (C(delegate_to)) or on the controller must not depend on variables that the host can set
    itself.
  - A variable that only facts set is an error.
options:
  _terms:
    description: Names of variables.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Take this web server out of its balancers
  orderly.services.haproxy_drain:
    server: "{{ lookup('orderly.services.trusted', 'shop_server') }}"
  delegate_to: "{{ item }}"
  loop: "{{ lookup('orderly.services.trusted', 'shop_balancers') }}"
"""

RETURN = r"""
_raw:
  description: The values, in the order of the names.
  type: list
  elements: raw
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import Templar

from ..plugin_utils._inventory.trusted import without_facts

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        trusted = without_facts(variables or {})
        if missing := [name for name in terms if name not in trusted]:
            raise AnsibleLookupError(
                f"The variable {missing[0]} is not set, other than by facts of the host: set it in the inventory."
            )
        templar = Templar(loader=self._loader, variables=trusted)
        return [templar.template(trusted[name]) for name in terms]
