# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the module of the same name, and read what its host answers."""

from __future__ import annotations

from ..plugin_utils._action import HostAction

ActionModule = HostAction
