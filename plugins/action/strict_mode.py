# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate services into units and say who runs this, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import HostAction
from ..plugin_utils._run.run import operator
from ..plugin_utils._service.units import services_to_units

if TYPE_CHECKING:
    from collections.abc import Mapping


def module_arguments(given: Mapping[str, Any], variables: Mapping[str, Any], run_by: str) -> dict[str, Any]:
    return {"set_by": run_by, **services_to_units(given, variables)}


class ActionModule(HostAction):
    def act(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        arguments = self.complete(self._task.args, variables)
        if self._task.args.get("services") and not arguments["services"] and not arguments["units"]:
            return {"changed": False, "strict": []}  # services without units are not all units of the host
        return super().act(variables)

    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        return module_arguments(given, variables, operator())
