# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the store of this run, then run the module of the same name."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import HostAction
from ...plugin_utils._store.store import Rehearsal, default_url, open_store, stamp_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(HostAction):
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        return {**given, "store": given.get("store") or self._stamp(variables)}

    def _stamp(self, variables: Mapping[str, Any]) -> dict[str, str]:
        with closing(open_store(self.templated(variables, "orderly_store") or default_url())) as store:
            return stamp_of(Rehearsal(store) if self._task.check_mode else store)
