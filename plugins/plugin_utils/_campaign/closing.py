"""How a run of an upgrade ended, in one line: what is done, on how many hosts, and what is left and why."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .._common.text import natural, plural, printable, with_services
from .._service.steps import CHANGE, FINALIZE
from .gate import plays_left

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .._inventory.selection import Selection
    from .._plan.plan import Plan, Play
    from .journal import Progress

BROKEN_OFF = "begun and not done, and kept with their slots"
BEGUN = "begun and not done"  # of what needs no slots
NOT_REACHED = "not reached"
Left = dict[str, dict[str, list[str]]]
"""By reason and host, the services of which something is left."""


def closing_line(
    campaign: str, plan: Plan, progress: Progress, about: Selection, run: str, *, check: bool = False
) -> str:
    """Say it, from the journal; *about* is what the run was about, *run* the id of the run."""
    left = why_left(plan, progress, about)
    concerned = {host for service in plan.services.values() for host in service.hosts}
    done = concerned - {host for hosts in left.values() for host in hosts}
    title = f"Upgrade {campaign}" if not check else "Upgrade"
    of_all = f"of {plural(len(concerned), 'host')}"
    what = f"{title}: done on {len(done)} {of_all}{_by_this_run(progress, run, done, left)}."
    if check:
        todo = len(left.pop(NOT_REACHED, {}))
        what = f"{title}: nothing was done, as this is a check; to do on {todo} {of_all}."
    reasons = (f"{why[0].upper()}{why[1:]}: {with_services(hosts)}." for why, hosts in left.items())
    return " ".join([what, *reasons, *([] if check else _finalizers(plan, progress, alone=not left))])


def why_left(plan: Plan, progress: Progress, about: Selection) -> Left:
    """Tell of what is not done yet, but for finalizers, why; hosts with the worst reason come first."""
    left: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (name, host), plays in sorted(_open(plan, progress).items(), key=lambda each: natural(each[0][1])):
        left[_why(plan, progress, about, name, host, plays)][host].append(name)
    worst = (BROKEN_OFF, BEGUN, NOT_REACHED)
    ordered = sorted(left, key=lambda why: (worst.index(why) if why in worst else len(worst), why))
    return {why: dict(left[why]) for why in ordered}


def _open(plan: Plan, progress: Progress) -> dict[tuple[str, str], list[Play]]:
    found: defaultdict[tuple[str, str], list[Play]] = defaultdict(list)
    for play in plan.plays:
        for name, hosts in play.services.items():
            if play.kind != FINALIZE:
                for host in set(hosts) - progress.done_on(play.part(name)):
                    found[name, host].append(play)
    return found


def _why(plan: Plan, progress: Progress, about: Selection, name: str, host: str, plays: list[Play]) -> str:
    stage = plan.services[name].stage
    begun = {play.kind for play in plays if progress.entry(play.part(name), host)}
    if begun:
        return BROKEN_OFF if CHANGE in begun else BEGUN
    if away := about.why_away(name, host):
        return f"out of service ({printable(away)})"
    if about.stage not in (None, stage):
        return f"of the stage {stage}"
    if not about.has_service(name, stage):
        return "not among the services of this run"
    return NOT_REACHED if about.has_host(host) else "outside --limit"


def _by_this_run(progress: Progress, run: str, done: Collection[str], left: Left) -> str:
    """Count the hosts of which this run did something: the last of it, or a part."""
    mine = {
        host
        for hosts in progress.entries.values()
        for host, entry in hosts.items()
        if entry.is_done and entry.run == run
    }
    ended = mine.intersection(done)
    if ended:
        return f", by this run on {len(ended)}" + (
            f" and in part on {len(mine - ended)}" if mine - ended else ""
        )
    if mine:
        return f", by this run in part on {len(mine)}"
    has_more = not left.keys().isdisjoint((BROKEN_OFF, BEGUN, NOT_REACHED))
    return ", by this run on none" if has_more else "; this run had nothing left to do"


def _finalizers(plan: Plan, progress: Progress, *, alone: bool) -> Iterator[str]:
    """Name the services whose finalizers are left, and where they are left for the other reasons alone."""
    waits = {name for play in plays_left(plan, progress) if play.kind == FINALIZE for name in play.services}
    names = ", ".join(sorted(waits, key=natural))
    if waits:
        yield f"Finalizers left: {names}." if alone else f"Finalizers wait for that: {names}."
