# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what the hosts of a play answered as one table, and write it as JSON where that is wanted."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._campaign.campaign import list_campaigns
from ...plugin_utils._campaign.now import read_open
from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._common.files import write_bytes
from ...plugin_utils._lock.manager import look_at
from ...plugin_utils._report.fleet_now import LocksNow, UnitsNow
from ...plugin_utils._report.status_table import FleetStatus
from ...plugin_utils._run.run import RunState, run_of_worker
from ...plugin_utils._store.store import open_store
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            variable={"type": "str", "default": "deferred_restarts"},
            members={"type": "str"},
            json={"type": "path"},
            store={"type": "str"},
        )

        def answers(name: str) -> dict[str, Any]:
            return {
                host: variables["hostvars"][host].get(name) or {}
                for host in variables["ansible_play_hosts_all"]
            }

        status = FleetStatus.of(answers(options["variable"]))
        units = (
            UnitsNow.of(answers(options["members"]), status.not_checked) if options["members"] else UnitsNow()
        )
        locks, campaigns, why_not = self._look(self.store_url(options, variables))
        lines = units.down_lines() + status.as_lines() + units.silent_lines() + locks.as_lines()
        if why_not:
            lines.append(f"Locks and campaigns: not checked, {why_not}")
        for line in lines:
            say(line)
        plain = {
            **status.as_dict(),
            **units.as_dict(),
            **locks.as_dict(),
            "campaigns": campaigns,
            "locks_not_checked": why_not,
        }
        changed = bool(options["json"]) and self._write(Path(options["json"]), plain)
        return {"changed": changed, "lines": lines, "status": plain}

    def _look(self, url: str) -> tuple[LocksNow, list[dict[str, Any]], str]:
        """Read locks and open campaigns, or tell why not: the table is for nights on which something is broken."""
        run = run_of_worker()
        try:
            with closing(open_store(url)) as store:
                locks = LocksNow(*look_at(store, run))
                seen = read_open(store, list_campaigns(store), run).values()
                return locks, [{**each.campaign.as_dict(), "now": each.as_dict()} for each in seen], ""
        except ControllerError as exc:
            return LocksNow({}, lambda _run: RunState.UNKNOWN), [], str(exc)

    def _write(self, path: Path, plain: Mapping[str, Any]) -> bool:
        """Write the file where it is not there with just this content, and tell whether it was not."""
        content = (json.dumps(plain, indent=2) + "\n").encode()
        try:
            if path.is_file() and path.read_bytes() == content:
                return False
            if not self._task.check_mode:
                write_bytes(path, content)
        except OSError as exc:
            raise AnsibleActionFail(f"{path} cannot be written: {exc.strerror}.") from None
        return True
