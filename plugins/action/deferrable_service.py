# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the task as the reason for a restart, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import HostAction

if TYPE_CHECKING:
    from collections.abc import Mapping


def module_arguments(given: Mapping[str, Any], task_name: str) -> dict[str, Any]:
    return {**({"reason": task_name} if task_name else {}), **given}


class ActionModule(HostAction):
    _supports_async = True

    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return module_arguments(given, self._task.name)
