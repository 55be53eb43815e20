"""Reading what the roles of deployed services bring for an upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .._service.steps import FINALIZE, KIND_OF_STEP, MIGRATE_STEP, PARTS, RUN_ONCE_HOST, UPGRADE_TASKS
from .._tasks.files import is_point_of_no_return, read_tasks
from .._tasks.findings import Finding, FindingsError
from .._tasks.lint import lint
from .._tasks.split import Split, read_handlers, read_part, split_by_step
from .._tasks.variables import read_service_tasks
from .plan import Deployment
from .role_files import check_names, hashes_of, roles_along

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._service.service import Service

Source = TypeVar("Source")
Content = TypeVar("Content")


def read_deployments(
    services: Iterable[Service], members: Mapping[str, tuple[str, ...]]
) -> tuple[Deployment, ...]:
    """Read the task files of the services.

    :raises FindingsError: when something is wrong in any of them; it has all of it
    :raises CatalogueError: when a plan cannot copy a role, or two of one name
    """
    findings: list[Finding] = []
    services = tuple(services)
    splits = {service.name: _read(split_upgrade_tasks, service, Split({}), findings) for service in services}
    deployments = tuple(
        _deployment(each, splits[each.name], members[each.name], findings) for each in services
    )
    if not findings:  # what cannot be read cannot be looked at
        findings += lint(read_service_tasks(service, splits[service.name]) for service in services)
    if findings:
        raise FindingsError(findings)
    check_names({service.name: roles_along(service) for service in services})
    return deployments


def _deployment(
    service: Service, split: Split, hosts: tuple[str, ...], findings: list[Finding]
) -> Deployment:
    parts = {part: path for part in PARTS if (path := service.tasks_file(part)) is not None}
    for path in parts.values():
        _read(read_part, path, "", findings)
    no_return = {KIND_OF_STEP[each.step] for each in split.tasks if is_point_of_no_return(each.task)}
    if "finalize" in parts and not findings:
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
    path = service.tasks_file(UPGRADE_TASKS)
    return split_by_step(path, service.dialect) if path is not None else Split({})
