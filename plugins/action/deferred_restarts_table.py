# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what the hosts of a play answered as one table."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils._table import fleet_table

display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"variable"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(
            {"variable": {"type": "str", "default": "deferred_restarts"}}
        )
        variables = task_vars or {}
        hosts = variables["ansible_play_hosts_all"]
        lines = fleet_table(
            {host: variables["hostvars"][host].get(options["variable"]) or {} for host in hosts}
        )
        for line in lines:
            display.display(line)
        return {"changed": False, "lines": lines}
