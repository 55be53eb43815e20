# SPDX-License-Identifier: GPL-3.0-or-later
"""A task about a service, on a host where its restart may have to wait."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping

from .._host.errors import HostError
from .._host.files import boot_id
from .._host.systemd import Systemd, full_name
from .._restart.paused import PausedFolder
from .policy import Requestor
from .policy_files import PolicyFolder
from .record import Event
from .record_files import DeferredStore
from .service_task import ServicePlan, UnitControl, Wish, describe_reason, plan_service
from .strict_files import StrictMode
from .verdict import blocked_by

if TYPE_CHECKING:
    from typing import Callable

    from .._host.runner import Runner

OURSELVES = Requestor("ansible", "handlers")
"""On whose account a restart waits that no policy blocks, because the task itself asks to defer it."""


class ServiceTask:
    """What a task wants of one unit, and what this host's policies say to that."""

    def __init__(
        self,
        params: Mapping[str, Any],
        run: Runner,
        *,
        offline: bool,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the task's options; *offline* means that no systemd runs, in a chroot say."""
        self._params = params
        self._unit = full_name(params["name"]) if params["name"] else ""
        self._is_system = params["scope"] == "system"
        self._offline = offline
        self._root = root
        self._clock = clock
        self._systemd = Systemd(run)
        self._strict = StrictMode(self._systemd, run, root)
        self._control = UnitControl(run, self._unit, self._options())
        self._requestors: tuple[Requestor, ...] = ()

    def _options(self) -> list[str]:
        given = {
            f"--{self._params['scope']}": not self._is_system,
            "--no-block": self._params["no_block"],
            "--force": self._params["force"],
        }
        return [option for option, is_given in given.items() if is_given]

    def foresee(self) -> dict[str, Any]:
        """Tell what the task would do."""
        if self._is_paused():
            return {"changed": False, "name": self._params["name"], "deferred": False, "paused": True}
        return self._describe(self._plan(), [])

    def perform(self) -> dict[str, Any]:
        """Do what the task wants, or write down that it waits."""
        for verb in ("daemon-reload", "daemon-reexec"):
            if self._params[verb.replace("-", "_")]:
                self._order(verb)
        if self._is_paused():
            return self.foresee()
        plan = self._plan()
        # What waits is on record before anything else is done, and so survives whatever fails.
        records = self._defer(plan.later) if plan.later else []
        for verb in plan.now:
            self._order(verb)
        return self._describe(plan, records)

    def _is_paused(self) -> bool:
        return self._is_system and self._unit in PausedFolder(self._root).units()

    def _plan(self) -> ServicePlan:
        if not self._unit:
            return ServicePlan((), "", {})
        wish = Wish(*(self._params[key] for key in ("name", "state", "enabled", "masked")))
        return plan_service(wish, self._control.find(offline=self._offline), self._waits)

    def _waits(self, verb: str) -> bool:
        self._requestors = self._requestors_against(verb)
        return bool(self._requestors)

    def _requestors_against(self, verb: str) -> tuple[Requestor, ...]:
        if not self._is_system or self._params["defer"] == "never":
            return ()
        names = self._systemd.show([self._unit])[self._unit].names or (self._unit,)
        blocking = blocked_by(PolicyFolder(self._root).effective(names), verb, names)
        if not blocking and self._params["defer"] == "always" and verb != "stop":
            return (OURSELVES,)
        return blocking

    def _defer(self, verb: str) -> list[str]:
        reason = describe_reason(self._params["changed_files"], self._params["reason"])
        state = self._systemd.show([self._unit])[self._unit]
        store, boot, now = DeferredStore(self._root), boot_id(self._root), int(self._clock())
        events = [Event(self._unit, verb, reason, requestor) for requestor in self._requestors]
        return [store.record(event, state, boot, now).path for event in events]

    def _order(self, verb: str) -> None:
        # Whoever runs this task has a say over strict mode, which is against accidents.
        in_spite = verb in ("stop", "restart") and self._is_system and self._unit in self._strict.read()
        complaint = self._strict.order(verb, self._unit) if in_spite else self._control.order(verb)
        if complaint:
            raise HostError(f"Unable to {verb} service {self._params['name']}: {complaint}", verb=verb)

    def _describe(self, plan: ServicePlan, records: list[str]) -> dict[str, Any]:
        waiting = {
            "deferred_action": plan.later,
            "requestors": [str(requestor) for requestor in self._requestors],
            "records": records,
        }
        return {
            **plan.result,
            "changed": plan.changes,
            "deferred": bool(plan.later),
            "paused": False,
            **(waiting if plan.later else {}),
        }
