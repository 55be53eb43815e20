"""Reading what the roles of deployed services bring for an upgrade."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .._service.recipe import upgrade_text
from .._service.steps import FINALIZE, KIND_OF_STEP, MIGRATE_STEP, PARTS, RUN_ONCE_HOST, UPGRADE_TASKS
from .._tasks.files import is_point_of_no_return, read_tasks
from .._tasks.findings import Finding, FindingsError
from .._tasks.lint import lint, once_for_a_wave
from .._tasks.split import Split, read_handlers, read_part, split_by_step
from .._tasks.variables import ServiceTasks, read_service_tasks
from .plan import Deployment
from .role_files import check_names, hashes_of, roles_along

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .._service.service import Service

Source = TypeVar("Source")
Content = TypeVar("Content")


def nothing(hosts: Sequence[str]) -> frozenset[str]:  # noqa: ARG001 - it stands for an inventory
    """Name the variables that an inventory without any gives."""
    return frozenset()


def read_deployments(
    services: Iterable[Service],
    members: Mapping[str, tuple[str, ...]],
    known: Callable[[Sequence[str]], frozenset[str]] = nothing,
) -> tuple[Deployment, ...]:
    """Read the task files of the services; *known* names the variables that the inventory gives to all of some hosts.

    :raises FindingsError: when something is wrong in any of them; it has all of it
    :raises CatalogueError: when a plan cannot copy a role, or two of one name
    """
    services = tuple(services)
    findings: list[Finding] = []
    deployments, said = [], []
    for service in services:
        hosts = members[service.name]
        own: list[Finding] = []
        split = _read(split_upgrade_tasks, service, Split({}), own)
        deployments.append(_deployment(service, split, hosts, own))
        if own:  # what cannot be read cannot be looked at
            said.append(ServiceTasks(service, (), frozenset(hosts)))
        else:
            tasks = read_service_tasks(service, split, hosts, roles_along(service).values())
            said.append(replace(tasks, inventory=known(hosts)))
            deployments[-1] = replace(deployments[-1], looks_once=once_for_a_wave(tasks))
        findings += own
    findings += lint(said)
    if findings:
        raise FindingsError(findings)
    check_names({service.name: roles_along(service) for service in services})
    return tuple(deployments)


def _deployment(
    service: Service, split: Split, hosts: tuple[str, ...], findings: list[Finding]
) -> Deployment:
    parts = {part: path for part in PARTS if (path := service.tasks_file(part)) is not None}
    texts = {part: _read(read_part, path, "", findings) for part, path in parts.items()}
    no_return = {KIND_OF_STEP[each.step] for each in split.tasks if is_point_of_no_return(each.task)}
    if texts.get("finalize"):
        no_return |= {
            FINALIZE for task in read_tasks(parts["finalize"]).walk() if is_point_of_no_return(task)
        }
    return Deployment(
        service=service,
        hosts=hosts,
        steps=frozenset(split.steps),
        parts=frozenset(parts),
        handlers=_read(read_handlers, service.role_file("handlers", "main"), (), findings),
        migrates_once=RUN_ONCE_HOST in split.steps.get(MIGRATE_STEP, "") + "".join(split.imported.values()),
        no_return=frozenset(no_return),
        files=_read(hashes_of, service, {}, findings),
    )


def _read(
    reader: Callable[[Source], Content], source: Source | None, nothing: Content, findings: list[Finding]
) -> Content:
    """Read something, if it is there; what is wrong with it joins the findings of others."""
    try:
        return reader(source) if source is not None else nothing
    except FindingsError as exc:
        findings += exc.findings
        return nothing


def split_upgrade_tasks(service: Service) -> Split:
    """Split the upgrade tasks of a service by step.

    :raises FindingsError: when something is wrong with them
    """
    if service.by_recipe:
        written_to = service.path / f"tasks/{UPGRADE_TASKS}.yml"
        return split_by_step(written_to, text=upgrade_text(service))
    path = service.tasks_file(UPGRADE_TASKS)
    # By its folder and not by the whole path, so that a plan is the same wherever its roles are.
    role = "/".join(service.path.parts[-2:]) if os.path.isabs(service.role) else service.role
    return split_by_step(path, service.dialect, role) if path is not None else Split({})
