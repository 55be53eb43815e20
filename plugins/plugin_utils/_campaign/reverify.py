"""A resumed run verifies again what earlier runs have done, before it disrupts anything more.

Not all of it, for that would contact a whole fleet to go on with its last hosts: only services that this run takes
further hosts of, and those that they come after, as far as the run is about them. It is known in the store which hosts
a run still has to verify, so that no wave passes its gate before they all have answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.text import natural
from .._service.steps import CHANGE, DISRUPTIVE
from .._store.formats import checked, written
from .gate import GateError, services_left

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from .._inventory.selection import Selection
    from .._plan.plan import Plan
    from .._run.run import Run
    from .._store.store import Document, Documents, Store
    from .journal import Progress

Hosts = dict[str, list[str]]
"""By service, the hosts that are to be verified."""


def hosts_to_verify(
    plan: Plan, progress: Progress, selection: Selection, away: Mapping[str, Collection[str]]
) -> Hosts:
    """Give what a run verifies before it goes on, by service; *away* are the hosts that are out of service."""
    going_on = {
        name
        for play in plan.plays
        if play.kind in DISRUPTIVE
        for name in services_left(plan, play, progress, selection)
    }
    wanted = going_on.union(*(plan.services[name].befores for name in going_on))
    found = {
        name: [
            host
            for host in service.hosts
            if progress.is_done(f"{name}/{CHANGE}", host)
            and selection.has_host(host)
            and host not in away.get(name, ())
        ]
        for name, service in plan.services.items()
        if service.is_verified_again and name in wanted and selection.has_service(name, service.stage)
    }
    return {name: hosts for name, hosts in found.items() if hosts}


def begin(store: Store, campaign: str, run: Run, hosts: Hosts, beside: Collection[str] = ()) -> None:
    """Write down what a run has to verify before it goes on; *beside* it other runs, by their ids, have to as well."""

    def with_this(known: dict[str, Hosts]) -> dict[str, Hosts]:
        return {**{each: known[each] for each in beside if each in known}, run.id: hosts}

    _change(store, campaign, with_this)


def record(store: Store, campaign: str, run: Run, service: str, verified: Iterable[str]) -> None:
    """Write down which hosts of a service a run has found well."""
    well = set(verified)

    def without(known: dict[str, Hosts]) -> dict[str, Hosts]:
        hosts = known.get(run.id, {})
        left = [host for host in hosts.get(service, ()) if host not in well]
        return {**known, run.id: {**hosts, service: left}}

    _change(store, campaign, without)


def check(title: str, store: Store, campaign: str, run: Run, otherwise: Callable[[], Hosts]) -> None:
    """Raise :class:`GateError` while something is left to verify; a run that did not begin with it has *otherwise*."""
    known = store.read(_key(campaign)).get(_key(campaign))
    runs = {} if known is None else checked(_key(campaign), known, runs=dict)["runs"]
    hosts = runs[run.id] if run.id in runs else otherwise()
    left = [
        f"{name} on {' '.join(sorted(hosts[name], key=natural))}"
        for name in sorted(hosts, key=natural)
        if hosts[name]
    ]
    if left:
        raise GateError(
            f"{title} is refused; nothing in it was touched: {'; '.join(left)} was upgraded earlier, but did not "
            "pass its verify.yml again when the upgrade was resumed. See the output above, fix that, and run the same "
            "command again, without --start-at-task; a host that stays down can be declared out of service.",
            (),
        )


def _key(campaign: str) -> str:
    return f"verify/{campaign}"


def _change(store: Store, campaign: str, change: Callable[[dict[str, Hosts]], dict[str, Hosts]]) -> None:
    key = _key(campaign)

    def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
        known = documents.get(key)
        runs = {} if known is None else checked(key, known, runs=dict)["runs"]
        return {key: written({"runs": change(runs)}, known)}, None

    store.transact((key,), decide)
