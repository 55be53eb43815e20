# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the services that the inventory deploys as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._report.services_table import Listed, as_lines
from ...plugin_utils._service.catalogue import NONE_DEPLOYED, find_services, load_services, role_folders
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        self.options()
        declared = {service.path: service for service in find_services(role_folders(variables))}
        settled = load_services(variables)
        groups = variables["groups"]
        services = [
            Listed(declared[service.path], service, len(groups[service.group])) for service in settled
        ]
        lines = as_lines(services) if services else [NONE_DEPLOYED]
        for line in lines:
            say(line)
        return {"changed": False, "lines": lines, "services": [service.as_dict() for service in services]}
