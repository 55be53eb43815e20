# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.errors import AnsibleActionFail

from ..plugin_utils._action import ControllerAction, Result
from ..plugin_utils._common.errors import ControllerError
from ..plugin_utils._lock import manager
from ..plugin_utils._lock.batch_answer import shared
from ..plugin_utils._lock.lock import LockError
from ..plugin_utils._lock.task import STATES, Call, as_heard_by_others
from ..plugin_utils._run.run import run_of_worker
from ..plugin_utils._store.store import open_store
from ..plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            state={"choices": list(STATES), "default": "acquired"},
            shared={"type": "bool", "default": False},
            services={"type": "raw"},
            hosts={"type": "list", "elements": "str"},
            roll={"type": "str"},
            operation={"type": "str"},
            callback={"type": "str"},
            arguments={"type": "dict", "default": {}},
            retries={"type": "int"},
            last={"type": "bool", "default": False},
            recovers={"type": "bool", "default": False},
            unhealthy={"type": "raw", "default": []},
            wait={"type": "int", "default": int(manager.DEFAULT_WAIT)},
            forget_members={"type": "list", "elements": "str", "default": []},
            reason={"type": "str"},
            store={"type": "str"},
            required_if=[
                ("state", "force_released", ("hosts", "reason")),
                ("state", "out_of_service", ("hosts", "reason")),
                ("state", "in_service", ("hosts",)),
                ("state", "frozen", ("reason",)),
                ("state", "retry_hold", ("hosts",)),
                ("state", "retry_release", ("hosts",)),
            ],
        )
        if options["shared"]:
            return self._share(options, variables)
        if len(variables["ansible_play_hosts_all"]) > 1 and not _is_about_itself(options, variables):
            self._refuse_hosts_that_act_alone()
        return self._act(options, variables)

    def _act(self, options: Result, variables: Mapping[str, Any]) -> Result:
        if options["state"] == "acquired":
            self.refuse_claims("The request for slots", options["hosts"] or variables["ansible_play_batch"])
        try:
            with closing(open_store(self.store_url(options, variables))) as store:
                call = Call(options, variables, run_of_worker(), store, say, self._task.check_mode)
                return {**STATES[options["state"]](call), **call.facts()}
        except LockError as exc:
            return {"failed": True, "msg": str(exc), "granted": False, **exc.details}

    def _share(self, options: Result, variables: Mapping[str, Any]) -> Result:
        """Let the first host of the batch ask for all, and the others share its answer."""
        if options["state"] != "acquired":
            raise AnsibleActionFail(
                f"shared works only with state=acquired; with state={options['state']} name the hosts."
            )
        host = variables["inventory_hostname"]
        batch = options["hosts"] or variables["ansible_play_batch"]

        def ask() -> Result:
            try:
                return self._act(options, variables)
            except ControllerError as exc:
                return {"failed": True, "msg": str(exc)}

        kept = Path(constants.DEFAULT_LOCAL_TMP) / f"orderly-slots-{self._task._uuid}.json"  # noqa: SLF001 - the id of the task
        answer, by = shared(kept, host, batch, ask)
        return answer if by == host else as_heard_by_others(answer, by, host)

    def _refuse_hosts_that_act_alone(self) -> None:
        """Insist on one action for the batch: a host alone would release what the others still need."""
        if not self._task.run_once:
            raise AnsibleActionFail("rolling_lock acts for the whole batch at once: add run_once: true.")
        strategy = self._task.get_play().strategy
        if strategy.endswith(("free", "host_pinned")):
            raise AnsibleActionFail(
                f"rolling_lock acts for the whole batch at once, which strategy {strategy} cannot do:"
                " acquire with shared: true and without run_once, and let each host release its own slots"
                ' (hosts: ["{{ inventory_hostname }}"]).'
            )


def _is_about_itself(options: Result, variables: Mapping[str, Any]) -> bool:
    """Tell whether a host does no more than to give back, or to try again with, what it holds itself."""
    alone = options["hosts"] == [variables["inventory_hostname"]]
    return alone and options["state"] in ("released", "retry_hold", "retry_release")
