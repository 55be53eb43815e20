# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the recovery: what hosts have on record, in; who is verified and who is left, out."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import _rolling
from ..plugin_utils._catalogue import load_services
from ..plugin_utils._lock import LockError, held_slots
from ..plugin_utils._recovery import Found, plan_recovery
from ..plugin_utils._run import this_run
from ..plugin_utils._service import CatalogueError
from ..plugin_utils._store import StoreError, default_url, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, options = self.validate_argument_spec(
            {"drained": {"type": "dict", "required": True}, "store": {"type": "str"}}
        )
        url = options["store"] or self._templar.template(variables.get("orderly_store")) or default_url()
        try:
            with closing(open_store(url)) as store:
                locks, state_of = _rolling.look_at(store, this_run(os.getppid()))
            found = Found(
                slots=held_slots(locks),
                drained=options["drained"],
                hosts=frozenset(options["drained"]),
                state_of=state_of,
            )
            recovery = plan_recovery(
                load_services(variables), variables["groups"], variables["ansible_play_hosts_all"], found
            )
        except (CatalogueError, LockError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from None
        for line in recovery.lines():
            display.display(line)
        return {"changed": False, **recovery.as_result()}
