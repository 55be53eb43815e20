# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import _rolling
from ..plugin_utils._catalogue import load_services, select
from ..plugin_utils._lock import LockError
from ..plugin_utils._lock_decision import Granted, Request
from ..plugin_utils._run import Run, this_run
from ..plugin_utils._service import CatalogueError
from ..plugin_utils._store import Rehearsal, Store, StoreError, default_url, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..plugin_utils._lock import Slot
    from ..plugin_utils._lock_decision import Refused, Waiting
    from ..plugin_utils._service import Service

Result = dict[str, Any]
display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: Result | None = None) -> Result:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _validation, options = self.validate_argument_spec(
            {
                "state": {"choices": list(STATES), "default": "acquired"},
                "services": {"type": "raw"},
                "hosts": {"type": "list", "elements": "str"},
                "roll": {"type": "str"},
                "operation": {"type": "str"},
                "wait": {"type": "int", "default": int(_rolling.DEFAULT_WAIT)},
                "forget_members": {"type": "list", "elements": "str", "default": []},
                "reason": {"type": "str"},
                "store": {"type": "str"},
            },
            required_if=[("state", "force_released", ("hosts", "reason"))],
        )
        self._refuse_hosts_that_act_alone()
        url = options["store"] or self._templar.template(task_vars.get("orderly_store")) or default_url()
        try:
            with closing(open_store(url)) as store:
                call = Call(options, task_vars, this_run(os.getppid()), store, self._task.check_mode)
                return STATES[options["state"]](call)
        except LockError as exc:
            return {"failed": True, "msg": str(exc), "granted": False, **exc.details}
        except (CatalogueError, ProcessLookupError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from None

    def _refuse_hosts_that_act_alone(self) -> None:
        """Insist on one action for the batch: a host alone would release what the others still need."""
        if not self._task.run_once:
            raise AnsibleActionFail("rolling_lock acts for the whole batch at once: add run_once: true.")
        strategy = self._task.get_play().strategy
        if strategy.endswith(("free", "host_pinned")):
            raise AnsibleActionFail(
                f"rolling_lock acts for the whole batch at once, which strategy {strategy} cannot do:"
                " acquire and release in linear plays, and keep the work between in a play of its own."
            )


@dataclass(frozen=True)
class Call:
    """One use of the action."""

    options: Mapping[str, Any]
    task_vars: Mapping[str, Any]
    run: Run
    real_store: Store
    check_mode: bool

    @property
    def store(self) -> Store:
        return Rehearsal(self.real_store) if self.check_mode else self.real_store

    @property
    def roll(self) -> str:
        return self.options["roll"] or self.run.id

    def hosts(self, default: str) -> list[str]:
        given = self.options["hosts"]
        return list(self.task_vars[default] if given is None else given)

    def services(self) -> list[str] | Mapping[str, list[str]] | None:
        named = self.options["services"]
        if isinstance(named, str):
            return named.replace(",", " ").split()
        if named is None or isinstance(named, (list, Mapping)):
            return named
        raise LockError(f"services is a list of names, or a dictionary of such lists by host, not {named!r}.")


def acquired(call: Call) -> Result:
    services = load_services(call.task_vars)
    groups = call.task_vars["groups"]
    request = Request(
        roll=call.roll,
        run=call.run,
        operation=call.options["operation"] or call.task_vars["ansible_play_name"],
        claims=_rolling.claims_of(services, groups, _wave(call, services, groups)),
        forget_members=frozenset(call.options["forget_members"]),
    )
    if call.check_mode:
        decision = _rolling.preview(call.store, request)
        return _granted(call, decision) if isinstance(decision, Granted) else _busy(call, decision)

    def progress(waiting: Waiting, waited: float) -> None:
        display.display(
            f"rolling_lock: waiting for {waited:.0f} s of {call.options['wait']} s: {waiting.message}"
        )

    grant = _rolling.acquire(call.store, request, wait=call.options["wait"], progress=progress)
    return {**_granted(call, grant), "waited": round(grant.waited, 1)}


def released(call: Call) -> Result:
    return _given_back(
        call, _rolling.release(call.store, call.roll, call.run, call.hosts("ansible_play_hosts"))
    )


def force_released(call: Call) -> Result:
    options = call.options
    slots = _rolling.force_release(
        call.store, options["hosts"], reason=options["reason"], services=call.services()
    )
    return _given_back(call, slots)


STATES = {"acquired": acquired, "released": released, "force_released": force_released}


def _granted(call: Call, grant: Granted | _rolling.Grant) -> Result:
    return {
        "changed": grant.changed,
        "granted": True,
        "roll": call.roll,
        "slots": {host: sorted(tokens) for host, tokens in grant.tokens.items()},
        "tokens": {host: dict(tokens) for host, tokens in grant.tokens.items()},
        "out_of_service": dict(grant.out_of_service),
        "warnings": _warnings(grant),
    }


def _busy(call: Call, decision: Waiting | Refused) -> Result:
    return {
        "changed": False,
        "granted": False,
        "roll": call.roll,
        "slots": {},
        "tokens": {},
        "holders": [slot.as_dict() for slot in decision.slots],
        "msg": decision.message,
        "warnings": [f"The slots would not be granted now: {decision.message}"],
    }


def _wave(call: Call, services: tuple[Service, ...], groups: Mapping[str, list[str]]) -> dict[str, list[str]]:
    hosts = call.hosts("ansible_play_batch")
    if strangers := sorted(set(hosts) - set(groups["all"])):
        raise LockError(f"The inventory has no host {', '.join(strangers)}.", hosts=strangers)
    named = call.services()
    if isinstance(named, Mapping):
        wave = {host: list(named.get(host, [])) for host in hosts}
        select(services, [name for names in wave.values() for name in names], "rolling_lock")
        return wave
    chosen = services if named is None else select(services, named, "rolling_lock")
    return {host: [service.name for service in chosen if host in groups[service.group]] for host in hosts}


def _given_back(call: Call, slots: Iterable[Slot]) -> Result:
    given: dict[str, list[str]] = {}
    for slot in slots:
        given.setdefault(slot.holder.host, []).append(slot.service)
    return {"changed": bool(given), "roll": call.roll, "slots": given}


def _warnings(grant: Granted | _rolling.Grant) -> list[str]:
    skipped = [
        f"{host} is out of service and gets no slot: {reason}"
        for host, reason in grant.out_of_service.items()
    ]
    lacking = [
        f"{service} has registered members that this inventory lacks: {', '.join(hosts)};"
        f" if they have left for good, confirm it with forget_members"
        for service, hosts in grant.unlisted.items()
    ]
    return skipped + lacking
