# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which units are the system's own, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import HostAction
from ...plugin_utils._discovery.system_units import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(HostAction):
    # The variables are unused here: it is the same for all hosts.
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"ignored": list(PATTERNS), **given}
