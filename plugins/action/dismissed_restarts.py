# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate services into units and say who runs this, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

from ..plugin_utils._common.text import names_of
from ..plugin_utils._run.run import operator
from ..plugin_utils._service.units import services_here, translate

if TYPE_CHECKING:
    from collections.abc import Mapping


def module_arguments(given: Mapping[str, Any], task_vars: Mapping[str, Any], run_by: str) -> dict[str, Any]:
    names = names_of(given.get("services"))
    known = translate(names, services_here(task_vars) if names else ())
    units = [*known.units, *names_of(given.get("units"))]
    return {"by": run_by, **given, "services": list(known.unknown), "units": units}


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        return self._execute_module(
            module_name="orderly.services.dismissed_restarts",
            module_args=module_arguments(self._task.args, task_vars or {}, operator()),
            task_vars=task_vars,
        )
