# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the report on rolling locks, for tasks."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import ControllerAction, Result
from ..plugin_utils._common.text import names_of
from ..plugin_utils._lock import manager
from ..plugin_utils._lock.report import chosen, report, statuses, with_deployed
from ..plugin_utils._run.run import run_of_worker
from ..plugin_utils._service.catalogue import load_services
from ..plugin_utils._store.store import Rehearsal, open_store, stamp_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(services={"type": "raw", "default": []}, store={"type": "str"})
        with closing(open_store(self.store_url(options, variables))) as store:
            stamp = stamp_of(Rehearsal(store))
            locks, state_of = manager.look_at(store, run_of_worker())
        known = with_deployed(locks, load_services(variables), variables["groups"])
        selected = chosen(known, names_of(options["services"]), "rolling_lock_info")
        return {
            "changed": False,
            "store": stamp,
            "locks": report(selected, state_of),
            "statuses": statuses(selected, variables["ansible_play_hosts_all"], state_of),
        }
