# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the services that the inventory deploys as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._last_words import leave
from ...plugin_utils._report.services_table import Listed, as_lines
from ...plugin_utils._service.bundles import find_bundles
from ...plugin_utils._service.catalogue import NONE_DEPLOYED, deployed_of, known_services
from ...plugin_utils._service.left_out import replaced, without_hosts
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...plugin_utils._service.bundles import Bundle
    from ...plugin_utils._service.service import Service


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        self.options()
        known = known_services(variables)
        declared = {service.path: service for service in known}
        settled = deployed_of(known, variables)
        groups = variables["groups"]
        services = [
            Listed(declared[service.path], service, len(groups[service.group])) for service in settled
        ]
        nowhere = without_hosts(known, settled, groups)
        bundles = [f"{bundle}." for bundle in _bundles(settled, groups)]
        notes = [*replaced(known), *nowhere, *bundles]
        lines = [*(as_lines(services) if services else [NONE_DEPLOYED]), *notes]
        for line in lines:
            say(line)
        for why in nowhere:
            leave(why)
        return {
            "changed": False,
            "lines": lines,
            "notes": notes,
            "services": [service.as_dict() for service in services],
        }


def _bundles(services: Iterable[Service], groups: Mapping[str, list[str]]) -> tuple[Bundle, ...]:
    """Find what upgrades change together, among the services that have something to upgrade."""
    upgraded = [service for service in services if service.is_upgraded]
    return find_bundles(upgraded, {service.name: groups[service.group] for service in upgraded})
