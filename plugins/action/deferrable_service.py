# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the task as the reason for a restart, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

if TYPE_CHECKING:
    from collections.abc import Mapping


def module_arguments(given: Mapping[str, Any], task_name: str) -> dict[str, Any]:
    return {**({"reason": task_name} if task_name else {}), **given}


class ActionModule(ActionBase):
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        return self._execute_module(
            module_name="orderly.services.deferrable_service",
            module_args=module_arguments(self._task.args, self._task.name),
            task_vars=task_vars,
            wrap_async=self._task.async_val,
        )
