# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of a host's turn in a roll: what it is visited for, in; its slots, or that it has to wait, out."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._lock import manager
from ...plugin_utils._lock.lock import LockError
from ...plugin_utils._lock.task import Call, as_heard_by_others, in_turn
from ...plugin_utils._lock.turns import Marks, Patience
from ...plugin_utils._run.run import run_of_worker
from ...plugin_utils._store.store import open_store
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING_ELSE: Result = {
    "roll": None, "callback": None, "arguments": {}, "last": False, "recovers": False, "forget_members": [],
}  # fmt: skip
"""What can be asked of a lock besides, and is not asked by a host in its turn."""


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            state={"choices": ["acquired", "open", "ended"], "default": "acquired"},
            services={"type": "raw"},
            operation={"type": "str"},
            unhealthy={"type": "raw", "default": []},
            retries={"type": "int"},
            wait={"type": "int", "default": int(manager.DEFAULT_WAIT)},
            after={"type": "dict", "default": {}},
            store={"type": "str"},
            required_if=[("state", "acquired", ("services", "operation"))],
        )
        host, batch = variables["inventory_hostname"], variables["ansible_play_batch"]
        play = self._task.get_play()._uuid  # noqa: SLF001 - what all batches of a play have in common
        marks = Marks(Path(constants.DEFAULT_LOCAL_TMP) / f"orderly-turns-{play}")
        if options["state"] == "ended":
            marks.was_refused(host)
            return {"changed": False}
        if options["state"] == "open":
            by = marks.refused()
            return as_heard_by_others({"failed": True}, by, host) if by else {"changed": False}
        if not options["after"].get("waits"):
            marks.wait_for(batch[: batch.index(host)])
        try:
            return self._ask(options, variables, marks)
        except LockError as exc:
            marks.was_refused(host)
            return {"failed": True, "msg": str(exc), "granted": False, **exc.details}
        except ControllerError:
            marks.was_refused(host)
            raise
        finally:
            marks.has_asked(host)

    def _ask(self, options: Result, variables: Mapping[str, Any], marks: Marks) -> Result:
        host = variables["inventory_hostname"]
        self.refuse_claims("The request for slots", [host])
        with closing(open_store(self.store_url(options, variables))) as store:
            given = {**NOTHING_ELSE, **options, "hosts": [host]}
            call = Call(given, variables, run_of_worker(), store, say, self._task.check_mode)
            answer = in_turn(call, marks, Patience.after(options["after"]))
            return {**answer, **call.facts()} if answer.get("granted") else answer
