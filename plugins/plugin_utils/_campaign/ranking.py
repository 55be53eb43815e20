"""Whom a run asks before its first wave who goes last: hosts that a service has not changed, if it finds that out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.text import listed, natural, shortened
from .._plan.seats import ranked_services
from .._service.rank import where_not_set, whole_number
from .._service.steps import CHANGE
from .gate import GateError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .._inventory.selection import Selection
    from .._plan.plan import Plan
    from .journal import Progress


def half_done(plan: Plan, progress: Progress) -> set[str]:
    """Name the hosts on which a wave has begun and is not done: they keep their places."""
    parts = [f"{name}/{CHANGE}" for name in plan.services]
    return {host for part in parts for host in progress.entries.get(part, {}).keys() - progress.done_on(part)}


def changed_on(plan: Plan, progress: Progress) -> dict[str, frozenset[str]]:
    """Name the hosts that have changed, by service: nobody goes last of them any more."""
    return {name: progress.done_on(f"{name}/{CHANGE}") for name in plan.services}


def hosts_to_ask(plan: Plan, progress: Progress, selection: Selection) -> dict[str, list[str]]:
    """Name the hosts whose ranks count, by service: where a single one is left, nobody is last."""
    half, done = half_done(plan, progress), changed_on(plan, progress)
    asked = {
        name: [
            host
            for host in selection.hosts_of(name, plan.services[name].hosts)
            if host not in half and host not in done[name]
        ]
        for name in ranked_services(plan)
        if selection.has_service(name, plan.services[name].stage)
    }
    return {name: hosts for name, hosts in asked.items() if len(hosts) > 1}


def read_ranks(plan: Plan, name: str, found: Mapping[str, Any], lost: Collection[str] = ()) -> dict[str, int]:
    """Read the ranks of a service by host; raises :class:`GateError` naming those that have none, or were *lost*.

    Who is last of the others would be changed before those that were lost, whoever leads.
    """
    if lost:
        hosts = listed(shortened(sorted(lost, key=natural)))
        raise GateError(
            f"The waves are refused; no service was touched: {hosts} did not come through rank.yml of {name}, so "
            "nobody knows who goes last. Bring the host back or fix what failed, and run the same command again; one "
            "that stays down can be declared out of service, or left out (--limit).",
            (),
        )
    ranks = {host: whole_number(value) for host, value in found.items()}
    if wrong := [host for host, rank in ranks.items() if rank is None]:
        where = where_not_set(name, wrong, f"the role {plan.services[name].origin}")
        raise GateError(
            f"The waves are refused; no service was touched: rank.yml of {name} set no whole number {where}",
            (),
        )
    return {host: rank for host, rank in ranks.items() if rank is not None}
