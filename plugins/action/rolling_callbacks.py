# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the callbacks: variables and folders in, task files out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils._callbacks import CallbackError, find_callbacks
from ..plugin_utils._inventory import Inventory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "rolling_op_tasks"


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, options = self.validate_argument_spec({"tasks": {"type": "str", "default": ""}})
        hosts = variables["ansible_play_hosts"]
        # Extra variables win over those of hosts, but here a host's own file wins over the one for all.
        own = Inventory(self._loader, variables["ansible_inventory_sources"], extra_vars=False)
        overrides = {host: str(own.variable(host, VARIABLE) or "") for host in hosts}
        try:
            found = find_callbacks(hosts, options["tasks"], overrides, _folders(variables))
        except CallbackError as exc:
            raise AnsibleActionFail(str(exc)) from None
        return {"changed": False, "tasks": found}


def _folders(variables: Mapping[str, Any]) -> Iterator[Path]:
    yield Path.cwd()
    for name in ("inventory_dir", "playbook_dir"):
        if variables.get(name):
            yield Path(variables[name])
