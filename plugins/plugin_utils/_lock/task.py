"""What the task ``rolling_lock`` does in each of its states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._common.text import names_of, printable
from .._inventory.placement import domains_of
from .._service.catalogue import load_services, select
from .._store.store import Rehearsal, Store, stamp_of
from . import manager
from .lock import LockError, how_to_forget
from .report import statuses
from .request import Granted, Request, Waiting
from .turns import FIRST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._run.run import Run
    from .._service.service import Service
    from .lock import Slot
    from .request import Refused
    from .turns import Marks, Patience


Result = dict[str, Any]
LONGEST_REASON = 300


def as_heard_by_others(answer: Result, by: str, host: str) -> Result:
    """Tell a host what another one was answered, without saying it all again."""
    if answer.get("failed"):
        return {
            "failed": True,
            "asked_by": by,
            "msg": f"{host} gets no slots either: see the message of {by}.",
        }
    own = {
        name: {key: value for key, value in answer[name].items() if key == host}
        for name in ("slots", "tokens")
    }
    return {**answer, **own, "changed": False, "asked_by": by, "warnings": []}


@dataclass(frozen=True)
class Call:
    """One use of the action."""

    options: Mapping[str, Any]
    task_vars: Mapping[str, Any]
    run: Run
    real_store: Store
    say: Callable[[str], None]
    check_mode: bool

    @property
    def store(self) -> Store:
        """Give the store, or in check mode a rehearsal in it."""
        return Rehearsal(self.real_store) if self.check_mode else self.real_store

    @property
    def roll(self) -> str:
        """Name the roll: the one that is given, or this run."""
        return self.options["roll"] or self.run.id

    @property
    def groups(self) -> Mapping[str, list[str]]:
        """Give the groups of the inventory."""
        groups: Mapping[str, list[str]] = self.task_vars["groups"]
        return groups

    def hosts(self, default: str) -> list[str]:
        """Name the hosts that are given, or those of a magic variable."""
        given = self.options["hosts"]
        return list(self.task_vars[default] if given is None else given)

    def services(self) -> list[str] | Mapping[str, list[str]] | None:
        """Name the services that are given, for all hosts or by host; None for all services of each host.

        :raises LockError: when the option is something else
        """
        named = self.options["services"]
        if isinstance(named, str):
            return names_of(named)
        if named is None or isinstance(named, (list, Mapping)):
            return named
        raise LockError(
            f"services must be a list of names, or a dictionary of such lists by host, not {named!r}."
        )

    def service_names(self) -> list[str] | None:
        """Give the names of services where hosts make no difference.

        :raises LockError: when they are given by host
        """
        named = self.services()
        if isinstance(named, Mapping):
            raise LockError(
                f"services must be a list of names for state={self.options['state']}, not {named!r}."
            )
        return named

    def request(self) -> Request:
        """Make the request for slots.

        :raises LockError: when options do not fit each other or the inventory
        :raises CatalogueError: when a service is unknown, or the inventory is wrong about one
        """
        options = self.options
        services = self.catalogue
        visits = self.visits(services, "ansible_play_batch")
        unhealthy = self.unhealthy
        return Request(
            roll=self.roll,
            run=self.run,
            operation=options["operation"] or self.task_vars["ansible_play_name"],
            claims=manager.claims_of(
                services, self.groups, visits, unhealthy, self._domains({*visits, *unhealthy})
            ),
            forget_members=frozenset(options["forget_members"]),
            callback=options["callback"],
            arguments=options["arguments"],
            retries=options["retries"],
            last=options["last"],
            recovers=options["recovers"],
        )

    def visits(self, services: tuple[Service, ...], default: str) -> dict[str, list[str]]:
        """Tell the services that each host of the wave is disrupted for.

        :raises LockError: when the inventory lacks a host
        :raises CatalogueError: when a service is unknown
        """
        hosts = self.hosts(default)
        self._refuse_strangers(hosts)
        named = self.services()
        if isinstance(named, Mapping):
            return _by_host(services, {host: named.get(host) for host in hosts})
        chosen = services if named is None else select(services, named, "rolling_lock")
        return {host: self._of(chosen, host) for host in hosts}

    def _of(self, services: Iterable[Service], host: str) -> list[str]:
        return [service.name for service in services if host in self.groups[service.group]]

    @cached_property
    def catalogue(self) -> tuple[Service, ...]:
        """List the services of the inventory; raises ``CatalogueError`` where it is wrong about one."""
        return load_services(self.task_vars)

    @cached_property
    def unhealthy(self) -> dict[str, list[str]]:
        """Name the hosts that are given as down, with their services.

        :raises LockError: when the option is something else, or the inventory lacks a host
        """
        given = self.options["unhealthy"]
        named = names_of(given) if isinstance(given, str) else given
        if not isinstance(named, (list, Mapping)):
            raise LockError(
                f"unhealthy must be a list of hosts, or a dictionary of services by host, not {named!r}."
            )
        self._refuse_strangers(named)
        if isinstance(named, Mapping):
            return _by_host(self.catalogue, named)
        return {host: self._of(self.catalogue, host) for host in named}

    def _refuse_strangers(self, hosts: Iterable[str]) -> None:
        """Refuse hosts that nobody knows: they would be skipped."""
        if strangers := sorted(set(hosts) - set(self.groups["all"])):
            raise LockError(f"The inventory has no host {', '.join(strangers)}.", hosts=strangers)

    def _domains(self, hosts: Iterable[str]) -> Mapping[str, str]:
        return domains_of((host for host in hosts if host in self.groups["all"]), self.task_vars)

    def facts(self) -> Result:
        """Tell the hosts of the play their statuses; Ansible gives the same facts to all of them.

        :raises StoreError: when the store cannot be used
        :raises BrokenLockError: when a lock in it is broken
        """
        if self.check_mode:
            return {}
        hosts = {*self.task_vars["ansible_play_hosts_all"], *(self.options["hosts"] or [])}
        locks, state_of = manager.look_at(self.real_store, self.run)
        return {"ansible_facts": {"rolling_status": statuses(locks, sorted(hosts), state_of)}}


def _by_host(services: Iterable[Service], named: Mapping[str, Any]) -> dict[str, list[str]]:
    """Read the names of services by host; raises where one is unknown."""
    by_host = {host: names_of(names) for host, names in named.items()}
    select(services, [name for names in by_host.values() for name in names], "rolling_lock")
    return by_host


# --- One function for each state; each raises LockError, CatalogueError or StoreError ---


def acquired(call: Call) -> Result:
    """Take the slots, waiting for those who came first."""
    request = call.request()
    if call.check_mode:
        decision = manager.preview(call.store, request)
        return _granted(call, decision) if isinstance(decision, Granted) else _busy(call, decision)

    def progress(waiting: Waiting, waited: float) -> None:
        call.say(f"rolling_lock: waiting for {waited:.0f} s of {call.options['wait']} s: {waiting.message}")

    grant = manager.acquire(call.store, request, wait=call.options["wait"], progress=progress)
    return {**_granted(call, grant.granted), "waited": round(grant.waited, 1)}


def in_turn(call: Call, marks: Marks, patience: Patience) -> Result:
    """Take the slots of the one host of the call if it has its turn, or say that it waits and has to ask again.

    The other hosts of the batch, without those that have failed, do the same beside it.
    """
    host = call.task_vars["inventory_hostname"]
    beside = frozenset(call.task_vars["ansible_play_batch"]) - {host}
    request = replace(call.request(), beside=beside)
    if call.check_mode:
        decision = manager.preview(call.store, request)
        return _granted(call, decision) if isinstance(decision, Granted) else _busy(call, decision)
    if by := marks.refused():
        manager.withdraw(call.store, request)
        return as_heard_by_others({"failed": True}, by, host)
    start, left = time.monotonic(), call.options["wait"] - patience.waited

    def asked(waiting: Waiting) -> None:
        marks.has_asked(host)
        if waiting.is_for_others(call.run):
            call.say(
                f"rolling_lock: {host} is waiting for {patience.waited:.0f} s of {call.options['wait']} s: "
                f"{waiting.message}"
            )

    decision = manager.take_turn(
        call.store,
        request,
        seconds=min(patience.pause, max(left, FIRST_PAUSE)),
        waited=patience.waited,
        wait=call.options["wait"],
        asked=asked,
        is_over=lambda: bool(marks.refused()),
    )
    if isinstance(decision, Granted):
        return {**_granted(call, decision), "in_turn": True, "waited": round(patience.waited, 1)}
    later = patience.spent(time.monotonic() - start, for_others=decision.is_for_others(call.run))
    return {"changed": False, "granted": False, "waits": True, "slots": {}, "tokens": {}, **later.as_result()}


def requested(call: Call) -> Result:
    """Join the queue, and do not wait."""
    answer = manager.enqueue(call.store, call.request())
    return {"changed": answer.changed, "roll": call.roll, "positions": dict(answer.positions)}


def released(call: Call) -> Result:
    """Give slots back."""
    hosts = call.hosts("ansible_play_hosts")
    return _given_back(
        call, manager.release(call.store, call.roll, call.run, hosts, call.options["services"] or ())
    )


def retried(call: Call) -> Result:
    """Note that hosts have failed and are tried again, with their slots or without."""
    hold = call.options["state"] == "retry_hold"
    reason = printable(call.options["reason"] or "", LONGEST_REASON)  # mostly what a host has said
    retried = manager.retry(call.store, call.roll, call.run, call.options["hosts"], hold=hold, reason=reason)
    return {
        "changed": bool(retried.attempts or retried.exhausted),
        "roll": call.roll,
        "attempts": dict(retried.attempts),
        "exhausted": dict(retried.exhausted),
        "warnings": [
            f"{host} has failed ({why}) and keeps its slots." for host, why in retried.exhausted.items()
        ],
    }


def force_released(call: Call) -> Result:
    """Take slots away from those who hold them."""
    options = call.options
    services = call.service_names()
    return _given_back(
        call,
        manager.force_release(call.store, options["hosts"], reason=options["reason"], services=services),
    )


def frozen(call: Call) -> Result:
    """Grant nothing of some services until they are thawed."""
    named = call.service_names()
    services = load_services(call.task_vars)
    if named is None:
        known = [*manager.locks_of(call.store), *(service.name for service in services)]
    else:
        known = [service.name for service in select(services, named, "rolling_lock")]
    return _locks_changed(
        call, manager.freeze(call.store, known, reason=call.options["reason"], by=str(call.run))
    )


def thawed(call: Call) -> Result:
    """Grant slots of frozen services again."""
    return _locks_changed(call, manager.thaw(call.store, call.service_names()))


def out_of_service(call: Call) -> Result:
    """Count hosts as down, and grant them nothing."""
    visits = call.visits(load_services(call.task_vars), "ansible_play_hosts")
    return _locks_changed(call, manager.take_out(call.store, visits, reason=call.options["reason"]))


def in_service(call: Call) -> Result:
    """Count hosts again."""
    return _locks_changed(call, manager.put_back(call.store, call.options["hosts"], call.service_names()))


STATES: dict[str, Callable[[Call], Result]] = {
    "requested": requested,
    "acquired": acquired,
    "released": released,
    "retry_hold": retried,
    "retry_release": retried,
    "force_released": force_released,
    "frozen": frozen,
    "thawed": thawed,
    "out_of_service": out_of_service,
    "in_service": in_service,
}


def _granted(call: Call, grant: Granted) -> Result:
    return {
        "changed": grant.changed,
        "granted": True,
        "roll": call.roll,
        "store": stamp_of(call.store),
        "slots": {host: sorted(tokens) for host, tokens in grant.tokens.items()},
        "tokens": {host: dict(tokens) for host, tokens in grant.tokens.items()},
        "taken_over": sorted(grant.taken_over),
        "operation": grant.operation,
        "callback": grant.callback,
        "arguments": dict(grant.arguments),
        "out_of_service": dict(grant.out_of_service),
        "unhealthy": call.unhealthy,
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


def _given_back(call: Call, slots: Iterable[Slot]) -> Result:
    given: dict[str, list[str]] = {}
    for slot in slots:
        given.setdefault(slot.holder.host, []).append(slot.service)
    return {"changed": bool(given), "roll": call.roll, "slots": given}


def _locks_changed(_call: Call, services: tuple[str, ...]) -> Result:
    return {"changed": bool(services), "services": list(services)}


def _warnings(grant: Granted) -> list[str]:
    skipped = [
        f"{host} is out of service and gets no slot: {reason}"
        for host, reason in grant.out_of_service.items()
    ]
    lacking = [
        f"{service} has registered members that this inventory lacks: {', '.join(hosts)};"
        f" if they have left for good, confirm it with forget_members, or {how_to_forget(hosts)}"
        for service, hosts in grant.unlisted.items()
    ]
    return skipped + lacking
