# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what the hosts of a play answered as one table, and write it as JSON where that is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._common.files import write_bytes
from ...plugin_utils._report.status_table import FleetStatus
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            variable={"type": "str", "default": "deferred_restarts"}, json={"type": "path"}
        )
        hosts = variables["ansible_play_hosts_all"]
        status = FleetStatus.of(
            {host: variables["hostvars"][host].get(options["variable"]) or {} for host in hosts}
        )
        lines = status.as_lines()
        for line in lines:
            say(line)
        changed = bool(options["json"]) and self._write(Path(options["json"]), status)
        return {"changed": changed, "lines": lines, "status": status.as_dict()}

    def _write(self, path: Path, status: FleetStatus) -> bool:
        """Write the file where it is not there with just this content, and tell whether it was not."""
        content = (json.dumps(status.as_dict(), indent=2) + "\n").encode()
        try:
            if path.is_file() and path.read_bytes() == content:
                return False
            if not self._task.check_mode:
                write_bytes(path, content)
        except OSError as exc:
            raise AnsibleActionFail(f"{path} cannot be written: {exc.strerror}.") from None
        return True
