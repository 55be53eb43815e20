# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate services into units, in the order between services, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

from ..plugin_utils._common.text import names_of
from ..plugin_utils._service.units import services_here, translate

if TYPE_CHECKING:
    from collections.abc import Mapping


def module_arguments(given: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    names, units = names_of(given.get("services")), names_of(given.get("units"))
    deployed = services_here(task_vars)
    if not names and not units:
        everything = translate([service.name for service in deployed], deployed)
        return {"include_pending": True, **given, "services": [], "units": everything.units}
    known = translate(names, deployed)
    return {**given, "services": list(known.unknown), "units": [*known.units, *units]}


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        return self._execute_module(
            module_name="orderly.services.restart_services",
            module_args=module_arguments(self._task.args, task_vars or {}),
            task_vars=task_vars,
        )
