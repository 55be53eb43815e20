# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the units of the services of the host, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import HostAction
from ...plugin_utils._service.units import services_to_units

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(HostAction):
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        if given.get("units") is not None:
            return dict(given)
        return {**given, "units": services_to_units({}, variables, default_all=True)["units"]}
