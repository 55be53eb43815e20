# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the module of the same name which run asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import HostAction
from ..plugin_utils._run.run import run_of_worker

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(HostAction):
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"controller": run_of_worker().as_document()}
