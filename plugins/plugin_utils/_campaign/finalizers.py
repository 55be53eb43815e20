"""Finalizers wait until the hosts themselves agree with the journal: what is installed is what the upgrade brought.

A host that was restored from a backup, or made anew, is done for the journal and runs the old release nevertheless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._common.answers import why_failed
from .._common.text import natural, printable
from .._inventory.selection import Selection
from .._plan.survey import Survey
from .._service.deb_version import version_key
from .._service.steps import FINALIZE
from .campaign import CAMPAIGNS, find_campaign, note_run
from .gate import describe, plays_left, undone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .._plan.plan import Plan
    from .._plan.survey import Answer
    from .._run.run import Run
    from .._store.store import Store
    from .gate import Missing
    from .journal import Progress
    from .versions import Installed


LOOKED = "looked_at"


@dataclass(frozen=True)
class Expected:
    """The version that a package must have on a host, or a newer one, and who says so."""

    host: str
    service: str
    package: str
    version: str
    by: str


def expected_versions(plan: Plan, after: Mapping[str, Installed]) -> tuple[Expected, ...]:
    """Tell what must be installed where: what the plan was approved with, else what was there after the change."""
    survey = plan.survey or Survey({})
    return tuple(
        _expected(host, service, package, version, surveyed.get(host, {}).get(package, {}))
        for service, hosts in sorted(after.items())
        if service in plan.services
        for surveyed in [survey.by_host(service)]
        for host, packages in sorted(hosts.items())
        if host in plan.services[service].hosts  # others have left the inventory since
        for package, version in sorted(packages.items())
        if version
    )


def _expected(host: str, service: str, package: str, version: str, surveyed: Mapping[str, str]) -> Expected:
    planned = surveyed.get("candidate", "")
    if version_key(planned) > version_key(version):
        return Expected(host, service, package, planned, "as the plan says")
    return Expected(host, service, package, version, "as it was after its change")


def finalizers_are_due(plan: Plan, progress: Progress) -> bool:
    """Tell whether some finalizer is left, and all that it waits for is done in the journal."""
    left = [play for play in plays_left(plan, progress) if play.kind == FINALIZE]
    return any(not any(any(undone(plan, need, progress)) for need in play.needs) for play in left)


def before_finalizers(plan: Plan, progress: Progress) -> tuple[Missing, ...]:
    """Tell what the finalizers that are left wait for."""
    left = [play for play in plays_left(plan, progress) if play.kind == FINALIZE]
    pairs = {pair for play in left for need in play.needs for pair in undone(plan, need, progress)}
    return tuple(describe(plan, *pair, progress, Selection(), is_ours=False) for pair in sorted(pairs))


def disagreements(expected: Iterable[Expected], answers: Mapping[str, Answer]) -> Iterator[str]:
    """Say where hosts have something older than what is expected of them, or do not answer."""
    silent: set[str] = set()
    for each in sorted(expected, key=lambda one: natural(one.host)):
        services = answers.get(each.host, {}).get("services")
        if services is None:
            if each.host not in silent:
                why = printable(why_failed(answers.get(each.host), "no answer"), 1000)
                yield f"{each.host} could not be queried: {why}"
            silent.add(each.host)
            continue
        found = services.get(each.service, {}).get(each.package, {}).get("installed", "")
        if version_key(found) < version_key(each.version):
            yield (
                f"{each.package} of {each.service} on {each.host} is {found or 'not installed'}, "
                f"expected {each.version} or newer, {each.by}"
            )


def looked_at(store: Store, campaign: str, run: Run, asked: Iterable[str], not_asked: Iterable[str]) -> None:
    """Note that a run has seen hosts and journal agree, but for the hosts that it could not ask."""
    hosts = {"asked": sorted(asked, key=natural), "not_asked": sorted(not_asked, key=natural)}
    note_run(store, campaign, run, **{LOOKED: hosts})


def hosts_not_asked(store: Store, campaign: str, run: Run) -> list[str] | None:
    """Name the hosts that neither a run nor those beside it have asked for their versions.

    None where the run itself has not looked at all.
    """
    found = find_campaign(store.read(CAMPAIGNS + campaign), campaign)
    looks = {each.run.id: each.noted[LOOKED] for each in found.runs if LOOKED in each.noted} if found else {}
    if run.id not in looks:
        return None
    asked = {host for look in looks.values() for host in look["asked"]}
    return [host for host in looks[run.id]["not_asked"] if host not in asked]
