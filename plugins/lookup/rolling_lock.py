# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: rolling_lock
short_description: Read who holds slots of a service, who waits, and what is left of its disruption budget
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reads rolling locks for templates, as M(orderly.services.rolling_lock_info) does for tasks. It takes nothing, waits
    for nobody, and contacts no host.
  - The result may be outdated a moment later. To disrupt a host, take a slot with
    M(orderly.services.rolling_lock).
options:
  _terms:
    description: Names of services, whose locks are returned in the same order; without any, all locks, sorted by name.
    type: list
    elements: str
    default: []
  store:
    description: Where the locks are; by default the file of this user.
    type: str
    vars:
      - name: orderly_store
"""

EXAMPLES = r"""
- name: Say whether nginx may lose a host right now
  ansible.builtin.debug:
    msg: "{{ lookup('orderly.services.rolling_lock', 'nginx').budget_left }} more hosts of nginx may go down"

- name: Show who holds the slots
  ansible.builtin.debug:
    msg: "{{ item.host }} since {{ item.since }}: {{ item.operation }} (PID {{ item.pid }} on {{ item.controller }})"
  loop: "{{ lookup('orderly.services.rolling_lock', 'nginx').holders }}"
"""

RETURN = r"""
_raw:
  description:
    - One dictionary for each service, with the keys of RV(orderly.services.rolling_lock_info#module:locks) and
      C(service).
  type: list
  elements: dict
"""

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import Templar

from ..plugin_utils._common.errors import ControllerError
from ..plugin_utils._inventory.trusted import without_facts
from ..plugin_utils._lock import manager
from ..plugin_utils._lock.report import chosen, report, with_deployed
from ..plugin_utils._run.run import this_run
from ..plugin_utils._service.catalogue import load_services
from ..plugin_utils._store.store import default_url, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        variables = without_facts(variables or {})
        self.set_options(var_options=variables, direct=kwargs)
        url = (
            Templar(loader=self._loader, variables=variables).template(self.get_option("store"))
            or default_url()
        )
        try:
            with closing(open_store(url)) as store:
                locks, state_of = manager.look_at(store, this_run())
            known = with_deployed(locks, load_services(variables), variables["groups"])
            reported = report(chosen(known, terms, "lookup rolling_lock"), state_of)
        except ControllerError as exc:
            raise AnsibleLookupError(str(exc)) from None
        return [{"service": service, **reported[service]} for service in terms or reported]
