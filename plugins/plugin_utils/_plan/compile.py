"""The planner: from what the services say to the plays of an upgrade, in the order they run.

Pure: the same services on the same hosts give the same plan, in whatever order they are listed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from .._common.graph import CycleError, closure, levels
from .._common.text import natural
from .._service.bundles import find_bundles
from .._service.catalogue import variable
from .._service.service import CatalogueError
from .._service.steps import CHANGE, CHANGE_STEPS, FINALIZE, POST_UPGRADE, PREPARE, VALIDATE
from .._tasks.findings import Finding, FindingsError
from .._waves.nodes import Change
from .._waves.pack import pack
from .._waves.rules import Rules
from .._waves.schedule import make_schedule
from .bundles import check_bundles, crossing, is_crossing, need_beside, together_with
from .names import COPY, WAVE
from .plan import Deployment, Plan, PlannedService, Play, finalizes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from .._service.bundles import Bundle
    from .._waves.schedule import Schedule


def compile_plan(
    deployments: Iterable[Deployment],
    versions: Mapping[str, str],
    domains: Mapping[str, str] | None = None,
    last: Collection[str] = (),
    slots: Mapping[str, int] | None = None,
) -> Plan:
    """Compile the plan of a whole fleet.

    *domains* gives the failure domain of hosts that have one, *last* names the hosts that go in the last wave of their
    services. *slots* say how many hosts of a service may change at once, where that is not its budget of all hosts.
    What the services say was linted before, and that they do not wait for each other.

    :raises CatalogueError: when stages wait for each other, or services cannot change together that have to
    :raises CycleError: when services do
    :raises FindingsError: when services that share a wave have a handler of the same name
    """
    at_once = slots or {}
    by_name = {
        each.service.name: replace(each, at_once=at_once.get(each.service.name)) for each in deployments
    }
    order = _order(by_name)
    changing = {name: each for name, each in by_name.items() if each.changes}
    bundles = find_bundles(
        [each.service for each in changing.values()], {name: each.hosts for name, each in changing.items()}
    )
    schedule = _schedule(order, by_name, bundles, domains, last)
    together = together_with(bundles)
    once = _run_once_hosts(schedule, by_name)
    ordered = [by_name[name] for level in levels(order) for name in level]
    plays = (
        *(_everywhere(VALIDATE, 0, deployment) for deployment in ordered if 0 in deployment.steps),
        *(_everywhere(PREPARE, 1, deployment) for deployment in ordered if 1 in deployment.steps),
        *_change_plays(schedule, ordered, by_name, once, together),
        *_finalize_plays(ordered, domains or {}, last),
    )
    _check_handlers(plays, by_name)
    services = {
        name: _described(by_name[name], once[name], together.get(name))
        for name in sorted(by_name, key=natural)
    }
    return Plan(services, plays, dict(versions))


def _schedule(
    order: Mapping[str, frozenset[str]],
    by_name: Mapping[str, Deployment],
    bundles: Sequence[Bundle],
    domains: Mapping[str, str] | None,
    last: Collection[str],
) -> Schedule:
    """Pack the waves; what has to change together and cannot is refused by name."""
    services = {name: each.service for name, each in by_name.items()}
    check_bundles(bundles, services)
    changes = {
        name: Change(each.hosts, each.slots, each.service.full_stop)
        for name, each in by_name.items()
        if each.changes
    }
    try:
        return make_schedule(order, changes, domains, last, [bundle.services for bundle in bundles])
    except CycleError as exc:
        raise (crossing(exc, order, bundles, services) if is_crossing(exc) else exc) from exc


def slots_without(away: Mapping[str, Collection[str]], deployments: Iterable[Deployment]) -> dict[str, int]:
    """Count the slots of the services of which fewer hosts may change at once while some are out of service.

    Hosts out of service have places in the waves like all others, so that waves hold when they are back; the lock gives
    them no slot until then.
    """
    return {
        each.service.name: slots
        for each in deployments
        if each.changes or finalizes(each.parts)
        if (slots := each.slots_without(away.get(each.service.name, ()))) != each.slots
    }


def _run_once_hosts(schedule: Schedule, by_name: Mapping[str, Deployment]) -> dict[str, str]:
    """Name, for each service, the host that runs what runs once: the first one of its first wave."""
    once = {name: deployment.hosts[0] for name, deployment in by_name.items()}
    return once | {name: hosts[0] for wave in reversed(schedule.waves) for name, hosts in wave.items()}


def _check_handlers(plays: Iterable[Play], by_name: Mapping[str, Deployment]) -> None:
    """Refuse handlers of one name in services that share a wave: one would answer the notify of the other."""
    findings = []
    for play in plays:
        owners: dict[str, str] = {}
        for name in play.services:
            for handler in by_name[name].handlers:
                owner = owners.setdefault(handler.name, name)
                if owner != name:
                    message = (
                        f'{name} has a handler "{handler.name}" and so has {owner}, which shares waves with it; a '
                        f'notify would reach only one of them. Rename it, as in "{name} | {handler.name}", or keep the '
                        f"two services apart in the inventory: {variable(name, 'after')}: [{owner}]"
                    )
                    findings.append(Finding(handler.file, handler.line, "handler", message))
    if findings:
        raise FindingsError(findings)


def _order(by_name: Mapping[str, Deployment]) -> dict[str, frozenset[str]]:
    """Name what each service comes after: what it says itself, and all services of the stages before its own."""
    before_stage = _stages(by_name)
    in_stage: dict[str, set[str]] = {}
    for name, deployment in by_name.items():
        in_stage.setdefault(deployment.service.stage, set()).add(name)
    return {
        name: frozenset(each.service.befores).union(*(in_stage[s] for s in before_stage[each.service.stage]))
        for name, each in by_name.items()
    }


def _stages(by_name: Mapping[str, Deployment]) -> dict[str, frozenset[str]]:
    """Name the stages before each stage, by the edges between their services."""
    before: dict[str, set[str]] = {deployment.service.stage: set() for deployment in by_name.values()}
    for deployment in by_name.values():
        stages = {by_name[name].service.stage for name in deployment.service.befores if name in by_name}
        before[deployment.service.stage] |= stages - {deployment.service.stage}
    try:
        levels(before)
    except CycleError as exc:
        raise CatalogueError(
            f"The stages wait for each other: {exc}. Services of one stage come after services of the other and vice "
            "versa; give some of them another stage."
        ) from exc
    return {stage: closure(before, stage) for stage in before}


def _described(
    deployment: Deployment, run_once_host: str, together: tuple[str, ...] | None
) -> PlannedService:
    service = deployment.service
    return PlannedService.from_data(
        {
            **service.settings(),
            "role": f"{COPY}{service.name}",
            "origin": service.path.name if service.role.startswith("/") else service.role,
            "hosts": deployment.hosts,
            "slots": deployment.slots,
            "steps": sorted(deployment.steps),
            "parts": sorted(deployment.parts),
            "run_once_host": run_once_host,
            "migrates_once": deployment.migrates_once,
            "no_return": sorted(deployment.no_return),
            "files": dict(deployment.files),
            **({"looks_once": True} if deployment.looks_once else {}),
            **({"together": together} if together else {}),
        }
    )


def _everywhere(kind: str, step: int, deployment: Deployment, needs: Iterable[str] = ()) -> Play:
    name = deployment.service.name
    verb = {0: "Validate", 1: "Prepare", 6: "Complete"}[step]
    return Play(
        f"{kind}-{name}",
        kind,
        f"{verb} {name}",
        deployment.hosts,
        {name: deployment.hosts},
        tuple(sorted(needs)),
    )


def _change_plays(
    schedule: Schedule,
    ordered: Sequence[Deployment],
    by_name: Mapping[str, Deployment],
    once: Mapping[str, str],
    together: Mapping[str, tuple[str, ...]],
) -> Iterator[Play]:
    """Make the waves, and after the last waves of services what completes them."""
    complete: defaultdict[int, list[Play]] = defaultdict(list)
    for deployment in ordered:
        if 6 in deployment.steps:
            own = [f"{deployment.service.name}/{CHANGE}"] if deployment.changes else []
            needs = {*own, *_befores_done(deployment, by_name)}
            complete[schedule.done[deployment.service.name]].append(
                _everywhere(POST_UPGRADE, 6, deployment, needs)
            )
    yield from complete[0]
    for number, services in enumerate(schedule.waves, 1):
        hosts = tuple(sorted({host for members in services.values() for host in members}, key=natural))
        needs = {
            need
            for name, changing in services.items()
            for need in _needs(by_name[name], by_name, once[name], changing, together.get(name, ()))
        }
        yield Play(f"wave-{number}", CHANGE, f"{WAVE}{number}", hosts, services, tuple(sorted(needs)))
        yield from complete[number]


def _needs(
    deployment: Deployment,
    by_name: Mapping[str, Deployment],
    once: str,
    hosts: tuple[str, ...],
    together: tuple[str, ...],
) -> Iterator[str]:
    """Name what must be done before a service changes on some hosts; *together* is its bundle."""
    all_at_once = deployment.service.full_stop
    beside = [name for name in together if all_at_once or set(hosts) <= set(by_name[name].hosts)]
    yield from _befores_done(deployment, by_name, beside)
    if deployment.migrates_once:
        yield f"{deployment.service.name}/{CHANGE}@{once}"


def _befores_done(
    deployment: Deployment, by_name: Mapping[str, Deployment], beside: Collection[str] = ()
) -> Iterator[str]:
    """Name what a service comes after; of those that change *beside* it, only where they do not."""
    for dependency in deployment.service.dependencies:
        before = by_name.get(dependency.service)
        if before is not None and before.service.name in beside:
            yield from need_beside(
                before.service.name, before.hosts, deployment.service.name, deployment.hosts
            )
        elif before is not None:
            yield from _done(before, dependency.step)


def _done(deployment: Deployment, step: int | None = None) -> Iterator[str]:
    """Name what is done of a service when all of it is, or all up to a step."""
    if deployment.changes:
        yield f"{deployment.service.name}/{CHANGE}"
    if 6 in deployment.steps and step not in CHANGE_STEPS:
        yield f"{deployment.service.name}/{POST_UPGRADE}"


def _finalize_plays(
    ordered: Sequence[Deployment], domains: Mapping[str, str], last: Collection[str]
) -> Iterator[Play]:
    """Make the finalizers' waves, service by service, once every host of every stage is upgraded."""
    everything = tuple(sorted(need for deployment in ordered for need in _done(deployment)))
    for deployment in ordered:
        if not finalizes(deployment.parts):
            continue
        name = deployment.service.name
        rules = Rules({name: deployment.slots}, domains=domains, last=last)
        waves = pack(dict.fromkeys(deployment.hosts, (name,)), rules)
        for number, hosts in enumerate(waves, 1):
            title = f"Finalize {name} ({number} of {len(waves)})"
            yield Play(f"finalize-{name}-{number}", FINALIZE, title, hosts, {name: hosts}, everything)
