# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the callbacks: variables and folders in, task files out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._inventory.inventory import Inventory
from ...plugin_utils._roll.callbacks import find_callbacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "rolling_op_tasks"


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(tasks={"type": "str", "default": ""})
        hosts = variables["ansible_play_hosts"]
        # Extra variables take precedence over those of hosts, but here a host's own file overrides the one for all.
        own = Inventory(self._loader, variables["ansible_inventory_sources"], extra_vars=False)
        overrides = {host: str(own.variable(host, VARIABLE) or "") for host in hosts}
        return {
            "changed": False,
            "tasks": find_callbacks(hosts, options["tasks"], overrides, _folders(variables)),
        }


def _folders(variables: Mapping[str, Any]) -> Iterator[Path]:
    yield Path.cwd()
    for name in ("inventory_dir", "playbook_dir"):
        if variables.get(name):
            yield Path(variables[name])
