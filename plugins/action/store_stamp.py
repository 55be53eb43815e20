# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the store of this run, then run the module of the same name."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils._store.store import Rehearsal, StoreError, default_url, open_store, stamp_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        if not arguments.get("store"):
            arguments["store"] = self._stamp(variables)
        return self._execute_module(
            module_name="orderly.services.store_stamp", module_args=arguments, task_vars=task_vars
        )

    def _stamp(self, variables: Mapping[str, Any]) -> dict[str, str]:
        url = self._templar.template(variables.get("orderly_store")) or default_url()
        try:
            with closing(open_store(url)) as store:
                return stamp_of(Rehearsal(store) if self._task.check_mode else store)
        except StoreError as exc:
            raise AnsibleActionFail(str(exc)) from None
