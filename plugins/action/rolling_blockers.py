# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the blockers: asks them and the windows for one host, and waits for them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import ControllerAction, Result
from ..plugin_utils._roll.blockers import complaints, parse_blockers
from ..plugin_utils._roll.windows import closed, parse_windows
from ..plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAUSE = 5.0


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            blockers={"type": "list", "elements": "raw", "default": []},
            windows={"type": "list", "elements": "raw", "default": []},
            wait={"type": "int", "default": 0},
        )
        blockers = parse_blockers(options["blockers"])
        windows = parse_windows(options["windows"])

        def look() -> list[str]:
            late = closed(windows, datetime.now(UTC))
            return [late] if late else complaints(blockers, host, self._on_host)

        host = variables["inventory_hostname"]
        wait = 0 if self._task.check_mode else options["wait"]
        blocked, waited = wait_until_clear(
            look,
            wait,
            lambda words, so_far: say(f"{host}: blocked for {so_far:.0f} s by {words}"),
        )
        return {"changed": False, "blocked": blocked, "waited": round(waited, 1)}

    def _on_host(self, command: str) -> tuple[int, str]:
        done = self._low_level_execute_command(command)
        return done["rc"], done["stdout"] + done["stderr"]


def wait_until_clear(
    look: Callable[[], list[str]],
    wait: float,
    progress: Callable[[str, float], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[str], float]:
    """Look until nothing blocks, for *wait* seconds; give what blocks at the end, and how long that took."""
    start = clock()
    while blocked := look():
        waited = clock() - start
        if waited >= wait:
            return blocked, waited
        progress("; ".join(blocked), waited)
        sleep(min(PAUSE, wait - waited))
    return [], clock() - start
