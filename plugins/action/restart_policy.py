# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate services into units and what each blocks, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils._action import HostAction
from ..plugin_utils._common.text import names_of
from ..plugin_utils._service.catalogue import deployed_services, variable
from ..plugin_utils._service.service import CatalogueError
from ..plugin_utils._service.units import translate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..plugin_utils._service.service import Service


def refuse_to_block(given: Mapping[str, Any], deployed: Sequence[Service]) -> str:
    """Say why a unit must not be listed, its package not being one to upgrade while it runs; or nothing."""
    names = set(names_of(given.get("services")))
    units = {*names_of(given.get("units")), *(given.get("blocked_actions") or {})}
    units |= {f"{unit}.service" for unit in (*units, *names) if "." not in unit}
    for service in deployed:
        if service.deferral == "hold" and (service.name in names or units & set(service.units)):
            return (
                f"The package of {service.name} cannot be upgraded while {', '.join(service.units)} runs (its service "
                "role says deferral: hold), so its restart cannot be deferred. Put the package on hold with "
                "orderly.services.package_hold, as the role orderly.services.deferral does, or set force to true if "
                "you know better."
            )
    return ""


def module_arguments(given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    names = names_of(given.get("services"))
    if given.get("state") == "absent":
        return dict(given)
    deployed = deployed_services(variables)
    refusal = "" if boolean(given.get("force", False)) else refuse_to_block(given, deployed)
    if refusal:
        raise CatalogueError(refusal)
    trusted = [
        unit
        for service in deployed
        if service.deferral == "block" and variable(service.name, "deferral") in variables
        for unit in service.units
    ]
    given = (
        {**given, "trusted_units": [*names_of(given.get("trusted_units")), *trusted]} if trusted else given
    )
    if not names:
        return dict(given)
    known = translate(names, deployed)
    actions: Sequence[str] | None = names_of(given.get("actions")) or None
    return {
        **given,
        "services": list(known.unknown),
        "blocked_actions": {**known.blocked_actions(actions), **(given.get("blocked_actions") or {})},
    }


class ActionModule(HostAction):
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        return module_arguments(given, variables)
