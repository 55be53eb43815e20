# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module to which the controller has nothing to add; ``meta/runtime.yml`` sends others of that kind here too."""

from __future__ import annotations

from ..plugin_utils._action import HostAction


class ActionModule(HostAction):
    pass
