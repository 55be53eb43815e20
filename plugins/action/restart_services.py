# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate services into units, in the order between services, then run the module of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import HostAction
from ..plugin_utils._common.text import names_of
from ..plugin_utils._service.units import services_to_units

if TYPE_CHECKING:
    from collections.abc import Mapping


def module_arguments(given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    everything = not names_of(given.get("services")) and not names_of(given.get("units"))
    also = {"include_pending": True} if everything else {}
    return {**also, **services_to_units(given, variables, default_all=everything)}


class ActionModule(HostAction):
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        return module_arguments(given, variables)
