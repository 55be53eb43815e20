# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the services of the host whose restarts are to be deferred, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import HostAction
from ...plugin_utils._common.text import names_of
from ...plugin_utils._service.catalogue import deployed_services, variable

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(HostAction):
    _supports_check_mode = True

    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        if given.get("services") is not None:
            return dict(given)
        only = set(names_of(given.get("only"))) or None
        services = [
            {
                "name": service.name,
                "units": list(service.units),
                "variable": (name := variable(service.name, "deferral")),
                "decided": service.deferral != "block" or name in variables,
            }
            for service in deployed_services(variables)
            if only is None or service.name in only
        ]
        return {**given, "services": services}
