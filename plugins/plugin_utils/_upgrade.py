"""The upgrade of an inventory: catalogue, plan and folder put together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ._campaign.absences import Absences
from ._common.names import check_groups, check_hosts
from ._common.text import natural, now_text
from ._common.version import collection_version
from ._inventory.inventory import check_hosts_there
from ._inventory.placement import DOMAIN, LAST, read_placement
from ._inventory.selection import Selection
from ._plan.approval import check_approved, plan_folder, read_kept, survey_of
from ._plan.compile import compile_plan
from ._plan.conditions import is_settled_by_survey, settle
from ._plan.deployments import read_deployments
from ._plan.survey import Survey
from ._render.folder import draft_plan
from ._roll.roll import SERIAL, WAVES
from ._service.catalogue import (
    COLLECTION,
    NONE_DEPLOYED,
    check_agreement,
    load_services,
    override_names,
)
from ._service.majority import check_majorities
from ._service.service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ._inventory.inventory import Inventory
    from ._inventory.placement import Placement
    from ._plan.plan import Plan
    from ._plan.survey import Answer


def make_plan(
    inventory: Inventory,
    play_vars: Mapping[str, Any],
    options: Mapping[str, Any],
    answers: Mapping[str, Answer] | None = None,
    seconds: Mapping[str, float] | None = None,
    absences: Absences | None = None,
) -> tuple[Plan, Path]:
    """Compile and write the plan of an inventory; gives it and the path of its playbook.

    *answers* are what the hosts say about their packages, where they were surveyed; without them what was surveyed for
    a plan that is kept counts. *seconds* are how long parts took the last time, for the page of the plan. *absences*
    tell which hosts are out of service. Raises where that plan was approved and this one differs.
    """
    check_hosts_there(play_vars["groups"])
    services = load_services(play_vars, inventory.variable)
    if not services:
        raise CatalogueError(NONE_DEPLOYED)
    groups = inventory.groups
    members = {service.name: tuple(sorted(groups[service.group], key=natural)) for service in services}
    check_groups([service.group for service in services], groups)
    check_hosts(_hosts_of(members), groups)
    for service in services:
        asked = inventory.typical_hosts(members[service.name], override_names(service.name))
        check_agreement(service, asked, inventory.variable)
    check_majorities(services, members)
    approved, plan_dir = options.get("approved_plan"), options.get("plan_dir")
    kept = read_kept(approved, plan_dir)
    placement = _read_placement(inventory, members)
    survey = Survey.of(answers, members) if answers is not None else survey_of(kept)
    settled = settle(services, members, survey)
    deployments = read_deployments(settled, members, inventory.names_given)
    versions = {COLLECTION: collection_version()}
    plan = (absences or Absences()).plan(
        deployments, partial(compile_plan, deployments, versions, placement.domains, placement.last)
    )
    Selection.from_variables(options).check(plan.stages, plan.bundles)
    if answers is not None:
        plan = replace(plan, survey=survey, surveyed=now_text())
    elif kept is not None and kept["id"] == plan.id:
        plan = replace(plan, survey=survey, surveyed=kept.get("surveyed"))
        seconds = seconds or kept.get("took")
    if plan.survey is None and is_settled_by_survey(settled):
        settle(services, members, None)  # what was surveyed for another plan says nothing about this one
    with draft_plan(plan, services, plan_folder(plan.id, plan_dir), seconds) as draft:
        check_approved(draft.plan, approved, kept)
        folder = plan_folder(draft.plan.hash, plan_dir)
        return draft.plan, draft.put(folder, approved=bool(approved))


def _hosts_of(members: Mapping[str, Iterable[str]]) -> list[str]:
    return sorted({host for each in members.values() for host in each}, key=natural)


def _read_placement(inventory: Inventory, members: Mapping[str, Iterable[str]]) -> Placement:
    hosts = _hosts_of(members)
    return read_placement(inventory.values(hosts, DOMAIN), inventory.values(hosts, LAST))


def refuse_sizes(given: Mapping[str, Any]) -> None:
    """Refuse what is given to this run and would have no effect, as a plan's waves come from budgets and order."""
    for name in (WAVES, SERIAL):
        if name in given:
            raise CatalogueError(
                f"{name} is for rolling_restart, restart_services, rolling_op and reboot; the waves of an upgrade are "
                "as large as budgets allow. For smaller ones give a service a smaller budget "
                "(SERVICE_max_unavailable), or upgrade a canary first with --limit."
            )
