# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the services that the inventory deploys as one table."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils._catalogue import NONE_DEPLOYED, find_services, load_services, role_folders
from ..plugin_utils._service import CatalogueError
from ..plugin_utils._services_table import Listed, as_lines

display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _VALID_ARGS: frozenset[str] = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            said = {service.path: service for service in find_services(role_folders(variables))}
            settled = load_services(variables)
        except CatalogueError as exc:
            raise AnsibleActionFail(str(exc)) from None
        groups = variables["groups"]
        services = [Listed(said[service.path], service, len(groups[service.group])) for service in settled]
        lines = as_lines(services) if services else [NONE_DEPLOYED]
        for line in lines:
            display.display(line)
        return {"changed": False, "lines": lines, "services": [service.as_dict() for service in services]}
