"""The summary of a plan: what an operator reads before approving it, by wave, and then a line for each service."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import chain, combinations
from typing import TYPE_CHECKING

from .._common.answers import why_failed
from .._common.shell import extra, left_out, playbook
from .._common.text import layout, listed, natural, plural, printable
from .._plan.plan import DOWN, KEEPS, NONE, short
from .._plan.seats import ranked_services
from .._service.catalogue import override_names, variable
from .._service.steps import CHANGE
from .._waves.lines import Wave, wave_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from .._plan.plan import Plan, Play
    from .._plan.survey import Answer, Survey

HEADER = ("SERVICE", "STAGE", "HOSTS", "AT ONCE", "WAVES", "OUTAGE", "PACKAGES")
PHASED = "Phased updates are no exception: apt-get install takes what apt-get upgrade may keep back."
_SHOWN = 100
OUTAGES = {DOWN: "is down", KEEPS: "others stay up", NONE: "none"}


def summary(
    plan: Plan,
    answers: Mapping[str, Answer],
    folder: Path,
    how_long: str = "",
    away: Mapping[str, frozenset[str]] | None = None,
) -> list[str]:
    """Give the lines of a plan's summary.

    *answers* tell why hosts were not surveyed, *how_long* what it will take, *away* who is out of service.
    """
    survey = plan.survey
    if survey is None:
        raise ValueError("a summary is made of a plan with a survey")
    waves = _waves(plan)
    away = away or {}
    rows = [
        (
            name,
            str(service.stage),
            str(len(service.hosts)),
            str(service.slots),
            _numbers(waves.get(name, ())),
            OUTAGES[service.outage],
            _packages(survey, name),
        )
        for name, service in sorted(plan.services.items(), key=lambda each: waves.get(each[0], [math.inf])[0])
    ]
    hosts = {host for service in plan.services.values() for host in service.hosts}
    return [
        f"Plan {short(plan.hash)}: {plural(len(rows), 'service')} on {plural(len(hosts), 'host')}, "
        f"{plural(sum(play.kind == CHANGE for play in plan.plays), 'wave')}",
        *wave_lines([_wave(plan, play, away) for play in plan.plays if play.kind == CHANGE]),
        *layout([HEADER, *rows]),
        *_conditions(plan),
        *_bundles(plan),
        *_ranked(plan),
        *_absences(plan, away),
        *(f"Not surveyed: {host}: {_why(answers.get(host, {}))}" for host in survey.missing),
        *([f"It takes {how_long}."] if how_long else []),
        "Packages are never rolled back.",
        *(
            [PHASED]
            if any(each.is_upgrade for versions in survey.services.values() for each in versions)
            else []
        ),
        f"To review: {folder}/plan.html",
        *_to_approve(plan),
    ]


def _to_approve(plan: Plan) -> Iterator[str]:
    """Give the command that runs the plan, with all that it was made with on the command line."""
    ours = {"upgrade_plan_dir", *chain.from_iterable(map(override_names, plan.services))}
    yield f"To approve: {playbook('upgrade', extra('upgrade_approved_plan', plan.hash), also=ours)}"
    if others := left_out(ours):
        yield f"Add to it, as what may be secret is not shown: {' '.join(f'-e {name}=…' for name in others)}"


def _wave(plan: Plan, play: Play, away: Mapping[str, frozenset[str]]) -> Wave:
    visits: defaultdict[str, list[str]] = defaultdict(list)
    for name, hosts in play.services.items():
        for host in hosts:
            visits[host].append(name)
    down = (
        name
        for name, hosts in play.services.items()
        if set(plan.services[name].hosts) - away.get(name, frozenset()) <= set(hosts)
    )
    return Wave({host: tuple(names) for host, names in visits.items()}, tuple(sorted(down, key=natural)))


def _absences(plan: Plan, away: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Name the hosts out of service, and the services that nobody serves when the others change."""
    for name, service in plan.services.items():
        if out := away.get(name, frozenset()).intersection(service.hosts):
            hosts = listed(sorted(out, key=natural), _SHOWN)
            is_down = service.outage == KEEPS and service.slots >= len(service.hosts) - len(out)
            nobody = f"; nobody serves {name} while a wave changes all the others" if is_down else ""
            yield f"Out of service, and not in the base of a percentage: {hosts} of {name}{nobody}."


def _ranked(plan: Plan) -> Iterator[str]:
    """Name the services whose roles find out who goes last, when the run has begun."""
    if names := ranked_services(plan):
        yield (
            f"The run asks the rank.yml of {listed(names, _SHOWN)} who goes last: hosts with the same services may "
            "change places in the waves."
        )


def _bundles(plan: Plan) -> Iterator[str]:
    """Name the services that change together, and those that do not though they have packages in common."""
    for names in plan.bundles:
        yield (
            f"Together, where they share a host: {listed(names, _SHOWN)}. All stop before any is upgraded, and start "
            "when all have migrated."
        )
    for (one, other), packages in _share_packages(plan).items():
        yield (
            f"{one} and {other} have {listed(packages)} in common on a host, and do not change together: what changes "
            f"first upgrades it for both. To let them, name it in {variable(one, 'packages')} and "
            f"{variable(other, 'packages')}."
        )


def _share_packages(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """Give the packages that two services of a host were found to come from, which are in no bundle."""
    if plan.survey is None:
        return {}
    services: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    changing = [name for name, service in plan.services.items() if service.changes]
    for name in changing:
        for host, packages in plan.survey.by_host(name).items():
            for package in packages:
                services[host, package].append(name)
    apart: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (_host, package), names in services.items():
        for one, other in combinations(sorted(names, key=natural), 2):
            if other not in (plan.services[one].together or ()):
                apart[one, other].add(package)
    return {pair: sorted(packages) for pair, packages in sorted(apart.items())}


def _conditions(plan: Plan) -> Iterator[str]:
    """Say which orders depend on versions, and whether they hold for those of the hosts."""
    for name, service in plan.services.items():
        for each in (*service.after, *service.requires):
            if isinstance(each, dict) and "holds" in each:
                relation = "comes after" if each["holds"] else "does not have to come after"
                when = each["when"]
                constraints = " and ".join(
                    f"{key} {when[key]}" for key in ("installed", "candidate") if key in when
                )
                verb = "holds" if each["holds"] else "does not hold"
                yield f"Order: {name} {relation} {each['service']}: {when['package']} {constraints} {verb}."


def _waves(plan: Plan) -> dict[str, list[int]]:
    waves: defaultdict[str, list[int]] = defaultdict(list)
    for number, play in enumerate((play for play in plan.plays if play.kind == CHANGE), 1):
        for name in play.services:
            waves[name].append(number)
    return waves


def _numbers(numbers: Iterable[int]) -> str:
    """Give numbers in words, those in a row together: ``1-3 5``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "-"


def _packages(survey: Survey, name: str) -> str:
    versions = survey.services.get(name, ())
    changing = [each for each in versions if each.is_upgrade]
    if not versions:
        return "unknown: no package owns its units"
    if not changing:
        return "up to date"
    return listed(
        [
            f"{each} on {plural(len(each.hosts), 'host')}" if len(versions) > 1 else str(each)
            for each in changing
        ],
        _SHOWN,
    )


def _why(answer: Answer) -> str:
    return printable(why_failed(answer, "no answer"), 1000)
