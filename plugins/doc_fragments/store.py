# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store, as modules on the controller take it."""

from __future__ import annotations


class ModuleDocFragment:
    """The option of modules that run on the controller."""

    DOCUMENTATION = r"""
options:
  store:
    description: Where locks and journals are; by default the variable C(orderly_store), else the file of this user.
    type: str
"""
