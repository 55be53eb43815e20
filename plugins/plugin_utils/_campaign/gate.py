"""The gate before every play of a plan: may it run now, and on which hosts does it still have to run?

Pure. What the plan puts before a play must be done: on every host that this run is about, and, where services depend
on each other, on all hosts whatever the run is about. So hosts that failed, were unreachable, or were never contacted
stop a run alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._common.errors import ControllerError
from .._common.names import pattern
from .._common.shell import extra
from .._common.text import listed, natural, shortened
from .._lock.lock import how_to_forget
from .._plan.bundles import WITHOUT
from .._plan.names import NO_HOST
from .._service.steps import FINALIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from .._inventory.selection import Selection
    from .._plan.plan import Plan, Play
    from .journal import Progress
NAMED = 5  # how many missing hosts a refusal names before it counts the rest


@dataclass(frozen=True)
class Grant:
    """What a play has to do: the hosts of each service, empty where all is done or not asked for.

    ``waits_for`` is what keeps finalizers open that are not due yet.
    """

    services: dict[str, tuple[str, ...]]
    waits_for: tuple[Missing, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Name the hosts that have something to do."""
        return tuple(sorted({host for hosts in self.services.values() for host in hosts}, key=natural))


@dataclass(frozen=True)
class Missing:
    """A part of a service that is not done on a host, what is known of it, and whether the run is about it.

    *away* says why the host is out of service, if it is.
    """

    part: str
    host: str
    words: str
    is_ours: bool = True
    away: str = ""


class GateError(ControllerError):
    """The play is refused; ``missing`` lists what is not done."""

    def __init__(self, message: str, missing: Sequence[Missing]) -> None:
        self.missing = tuple(missing)
        missing_parts = [{"part": each.part, "host": each.host, "words": each.words} for each in missing]
        super().__init__(message, missing=missing_parts)


def pass_gate(
    plan: Plan,
    play_id: str,
    progress: Progress,
    selection: Selection,
    batch: Iterable[str],
    *,
    rehearsal: bool,
) -> Grant:
    """Tell what a play has to do on the hosts of its batch.

    In a rehearsal (check mode) nothing gets done, so what this run would have done before counts as done. Finalizers
    stay open where another run has something left to do before them. Raises :class:`GateError` with what is missing.
    """
    play = plan.play(play_id)
    here = set(batch)
    left = _left(plan, play, progress, selection)
    grant = Grant(
        {name: todo for name, hosts in left if (todo := tuple(host for host in hosts if host in here))}
    )
    if grant.services:
        missing = _missing(plan, play, progress, selection, grant, rehearsal=rehearsal)
        elsewhere = tuple(each for each in missing if not each.is_ours and not each.away)
        if elsewhere and play.kind == FINALIZE:
            return Grant({}, elsewhere)
        if missing:
            raise GateError(_refusal(play, missing), missing)
    return grant


def check_places(
    plan: Plan, play: Play, progress: Progress, selection: Selection, batch: Iterable[str]
) -> None:
    """Raise :class:`GateError` where a play runs on hosts that have their places in others, with something left there.

    It would find nothing to do, and so would the plays that they have their places in.
    """
    here = set(batch).difference(play.hosts)
    others = [each for each in plan.plays if each.kind == play.kind and not here.isdisjoint(each.hosts)]
    left = {
        host: other.title
        for other in others
        for _name, hosts in _left(plan, other, progress, selection)
        for host in here.intersection(hosts)
    }
    if left:
        places = listed([f"{host} is in {left[host]}" for host in sorted(left, key=natural)], NAMED, "; ")
        raise GateError(
            f"{play.title} is refused; nothing in it was touched: hosts have changed places by rank ({places}), and "
            "this run does not know that. Run the same command again, without --start-at-task: it resumes there.",
            (),
        )


def check_prerequisites(
    plan: Plan,
    progress: Progress,
    selection: Selection,
    others_do: Callable[[Sequence[Missing]], object] = lambda _missing: False,
) -> None:
    """Raise :class:`GateError` where the run would be refused half way, for a service that it is not about.

    What *others_do* meanwhile is waited for, as finalizers wait for other runs by themselves.
    """
    for play in plan.plays:
        others = [need for need in play.needs if not _is_selected(plan, need, selection)]
        names = services_left(plan, play, progress, selection) if others and play.kind != FINALIZE else []
        missing = [
            describe(plan, part, host, progress, selection, is_ours=False)
            for part, host in sorted(
                {pair for need in others if names for pair in undone(plan, need, progress)}
            )
        ]
        if missing and not others_do(missing):
            raise GateError(_not_selected(names, missing, selection), missing)


def hosts_left(plan: Plan, progress: Progress, selection: Selection) -> dict[str, tuple[str, ...]]:
    """Name for every play the hosts on which the run has something left to do, in the order of the plan."""
    return {
        play.id: tuple(host for host in play.hosts if host in todo)
        for play in plan.plays
        for todo in [{host for _name, hosts in _left(plan, play, progress, selection) for host in hosts}]
    }


def services_left(plan: Plan, play: Play, progress: Progress, selection: Selection) -> list[str]:
    """Name the services that a play has something left to do for."""
    return [name for name, _hosts in _left(plan, play, progress, selection)]


def patterns(
    plan: Plan, left: Mapping[str, Collection[str]], moved: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Give the ``hosts`` of the plays that need not run on all hosts that the plan names, by those left of each.

    So it does of the plays in which hosts may have *moved* to the places of others.
    """
    return {
        play.id: pattern(left[play.id]) or NO_HOST
        for play in plan.plays
        if len(left[play.id]) < len(play.hosts) or not moved.isdisjoint(play.hosts)
    }


def points_of_no_return(
    plan: Plan, play: Play, services: Iterable[str], confirmed: Collection[str]
) -> list[str]:
    """Name the services from whose part in a play there is no way back, which nobody has confirmed."""
    return [name for name in services if play.kind in plan.services[name].no_return and name not in confirmed]


def check_confirmed(plan: Plan, play: Play, services: Iterable[str], confirmed: Collection[str]) -> None:
    """Raise :class:`GateError` before a point of no return that nobody has confirmed."""
    if names := points_of_no_return(plan, play, services, confirmed):
        listed = ",".join(names)
        raise GateError(
            f"{play.title} is refused; nothing in it was touched: it passes the point of no return of {listed}, "
            f"after which only a backup can take you back. Run it again with {extra('upgrade_confirm', listed)}: "
            "it resumes here.",
            (),
        )


def plays_left(plan: Plan, progress: Progress) -> list[Play]:
    """List the plays that are not done on all their hosts."""
    return [play for play in plan.plays if _is_left(play, progress)]


def _is_left(play: Play, progress: Progress) -> bool:
    return any(
        not progress.done_on(play.part(name)).issuperset(hosts) for name, hosts in play.services.items()
    )


def to_finalize(left: Iterable[Play]) -> list[str]:
    """Name the services that have finalizers among the plays that are left."""
    names = {name for play in left if play.kind == FINALIZE for name in play.services}
    return sorted(names, key=natural)


def to_undo(plan: Plan, progress: Progress) -> list[str]:
    """Name the services that may have changed something for a while, and have not undone all of it."""
    begun = {part.partition("/")[0] for part in progress.entries}
    undoing = {name for name in begun & plan.services.keys() if "undo" in plan.services[name].parts}
    finalizers = [
        play for play in plan.plays if undoing and play.kind == FINALIZE and _is_left(play, progress)
    ]
    return [name for name in to_finalize(finalizers) if name in undoing]


def _is_selected(plan: Plan, part: str, selection: Selection) -> bool:
    service = part.partition("/")[0]
    return selection.has_service(service, plan.services[service].stage)


def _left(
    plan: Plan, play: Play, progress: Progress, selection: Selection
) -> Iterator[tuple[str, list[str]]]:
    for name, hosts in play.services.items():
        part = play.part(name)
        done = progress.done_on(part)
        # Most plays that a gate looks at are done, and sets are compared many times faster than hosts.
        if done.issuperset(hosts) or not _is_selected(plan, part, selection):
            continue
        if left := selection.hosts_of(name, [host for host in hosts if host not in done]):
            yield name, left


def _missing(
    plan: Plan, play: Play, progress: Progress, selection: Selection, grant: Grant, *, rehearsal: bool
) -> tuple[Missing, ...]:
    earlier = plan.plays[: plan.plays.index(play)]
    ours = {
        (before.part(name), host)
        for before in earlier
        for name, hosts in _left(plan, before, progress, selection)
        for host in hosts
    }
    here = {(play.part(name), host) for name, hosts in grant.services.items() for host in hosts}
    needed = {pair for need in play.needs for pair in undone(plan, need, progress)} - here
    missing = needed - ours if rehearsal else needed | ours
    return tuple(
        describe(plan, part, host, progress, selection, is_ours=(part, host) in ours)
        for part, host in sorted(missing, key=lambda pair: (natural(pair[1]), pair[0]))
    )


def undone(plan: Plan, need: str, progress: Progress) -> Iterator[tuple[str, str]]:
    """Name where something that a play needs is not done, parts and hosts: see :class:`Play`."""
    part, _at, one = need.partition("@")
    part, _without, other = part.partition(WITHOUT)
    hosts = {one} if one else set(plan.services[part.partition("/")[0]].hosts)
    if other:
        hosts.difference_update(plan.services[other].hosts)
    return ((part, host) for host in hosts - progress.done_on(part))


def describe(
    plan: Plan, part: str, host: str, progress: Progress, selection: Selection, *, is_ours: bool
) -> Missing:
    """Say what is known of a part that is not done on a host."""
    service, _slash, kind = part.partition("/")
    plays = (p.id for p in plan.plays if p.kind == kind and host in p.services.get(service, ()))
    entry = progress.entry(part, host)
    state = f"started {entry.since}, never done" if entry else "not begun"
    away = selection.why_away(service, host)
    state += f"; out of service: {away}" if away else ""
    return Missing(part, host, f"{kind} of {service} on {host} ({next(plays, '?')}: {state})", is_ours, away)


def name_some(missing: Sequence[Missing]) -> str:
    """Name what was begun first, and count the rest."""
    begun = [each for each in missing if "started" in each.words] or list(missing)
    named = [each.words for each in begun[:NAMED]]
    rest = len(missing) - len(named)
    return "; ".join([*named, *([f"and {rest} more"] if rest else [])])


def _not_selected(names: Sequence[str], missing: Sequence[Missing], selection: Selection) -> str:
    first = sorted({each.part.partition("/")[0] for each in missing}, key=natural)
    hosts = shortened({each.host for each in missing})
    if selection.only is None:
        stage = extra("upgrade_stage", str(selection.stage))
        cure = f"Upgrade the stage of {', '.join(first)} first, or leave out {stage}"
    else:
        together = ",".join([*sorted(selection.only, key=natural), *first])
        cure = f"Add what is missing: {extra('upgrade_only', together)}"
    return (
        f"{', '.join(names)} must come after {', '.join(first)}, which is not among the services of this run and not "
        f"done on {listed(hosts)}. Nothing was touched. {cure}."
    )


def _refusal(play: Play, missing: Sequence[Missing]) -> str:
    return (
        f"{play.title} is refused; nothing in it was touched. Must be done first: {name_some(missing)}. "
        f"{_what_to_do(missing)}"
    )


def _what_to_do(missing: Sequence[Missing]) -> str:
    again = "run the same command again: it resumes there."
    away = sorted({each.host for each in missing if each.away}, key=natural)
    if not away and not any(each.is_ours for each in missing):
        hosts = listed(shortened({each.host for each in missing}))
        return f"This run is not about {hosts} (--limit): upgrade what is missing there first, and {again}"
    if not away:
        return f"Bring the host back or fix what failed, and {again}"
    names = ", ".join(away)
    return (
        f"Out of service: {names}. Once such a host is back, say so (rolling_lock with state=in_service) and {again} "
        f"If it is gone for good, remove it from the inventory, confirm that ({how_to_forget(away)}), and run the "
        "same command again: what is done on other hosts stays done."
    )
