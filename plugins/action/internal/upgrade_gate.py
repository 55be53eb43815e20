# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the gate: variables in, locks and journal through the store, results out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._campaign.forget import AGE, KEPT, Keep
from ...plugin_utils._campaign.others import WAIT, seconds_to_wait
from ...plugin_utils._campaign.upgrade_run import UpgradeRun
from ...plugin_utils._common.answers import misfit
from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._common.text import names_of, readable
from ...plugin_utils._inventory.extra_vars import extra_variable
from ...plugin_utils._inventory.inventory import limited_hosts
from ...plugin_utils._inventory.placement import PLACEMENT_VARIABLES, domains_of, read_placement
from ...plugin_utils._inventory.selection import Selection
from ...plugin_utils._plan.approval import APPROVED, approved_elsewhere, read_as_written, read_unchanged
from ...plugin_utils._plan.cache import cache_folder
from ...plugin_utils._plan.durations import TIMES
from ...plugin_utils._plan.folder_files import state_of
from ...plugin_utils._plan.names import OPENED, RANK_PLAY, SEEN_MEMBERS
from ...plugin_utils._plan.plan import check_held, read_plan
from ...plugin_utils._roll.looks import by_host, members_seen
from ...plugin_utils._run.folders import work_by
from ...plugin_utils._run.run import run_of_worker
from ...plugin_utils._run.whole import check_as_written
from ...plugin_utils._service.rank import rank_variable
from ...plugin_utils._store.store import open_store
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from ...plugin_utils._inventory.placement import Placement
    from ...plugin_utils._plan.plan import Plan

ASK_SECONDS = 600  # at most: no slot is held meanwhile, and the run can be resumed
STATES = ("opened", "verified", "ranked", "entered", "refused", "done")

display = Display()


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            play={"type": "str"},
            plan={"type": "str"},
            state={"type": "str", "choices": list(STATES), "required": True},
            store={"type": "str"},
            wait={"type": "int", "default": seconds_to_wait(self.templated(variables, WAIT))},
            required_if=[("state", state, ["play"]) for state in STATES[1:]],
        )
        play_id = options["play"]
        state = state_of(Path(variables["playbook_dir"])) if options["state"] == "opened" else ""
        try:
            upgrade = self._upgrade(options, variables)
            if options["state"] != "ranked":
                upgrade = upgrade.seated()
            if options["state"] == "opened":
                check_as_written("The upgrade", variables, self._task.get_play())
                outcome = {**upgrade.open(), "plan_hash": upgrade.plan.hash, "files": state}
                upgrade.tidy_plans(cache_folder())
            elif options["state"] == "verified":
                outcome = upgrade.verified(play_id, variables["ansible_play_hosts"])
            elif options["state"] == "ranked":
                members = upgrade.plan.services[play_id.removeprefix(RANK_PLAY)].hosts
                found, placement = _ranks(play_id, variables, members)
                lost = set(variables["ansible_play_hosts_all"]).difference(found)
                outcome = upgrade.ranked(play_id, found, placement, lost)
            elif options["state"] == "entered":
                check_as_written(play_id, variables, self._task.get_play())
                self.refuse_claims(play_id, variables["ansible_play_batch"], upgrade.plan.services)
                batch, wait = variables["ansible_play_batch"], options["wait"]
                unhealthy = _seen_down(variables["hostvars"], batch)
                outcome = upgrade.enter(play_id, batch, wait=wait, unhealthy=unhealthy)
            elif options["state"] == "refused":
                outcome = upgrade.refused(variables["inventory_hostname"])
            else:
                noted = partial(_noted, variables["hostvars"])
                outcome = upgrade.finish(play_id, variables["ansible_play_hosts"], noted)
        except ControllerError as exc:
            exc.details.setdefault("play", play_id)
            raise
        return {"changed": False, **({"play": play_id} if play_id else {}), **outcome}

    def _upgrade(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> UpgradeRun:
        folder = Path(variables["playbook_dir"])
        plan = self._plan(folder, options, variables)
        check_held(
            folder, plan, options["plan"], _opened(variables, "plan_hash") if options["play"] else None
        )
        run = run_of_worker()
        if not self._task.check_mode:
            work_by(folder, run)
        limit = variables.get("ansible_limit")
        hosts = limited_hosts(self._loader, variables["groups"], limit) if limit else None
        named = {name: self.templated(variables, name) for name in ("upgrade_stage", "upgrade_only")}
        campaign = self.templated(variables, "upgrade_campaign")
        selection = Selection.from_variables(named, hosts)
        selection.check(plan.stages, plan.bundles)
        return UpgradeRun(
            plan=plan,
            store=open_store(self.store_url(options, variables)),
            run=run,
            selection=selection,
            rehearsal=self._task.check_mode,
            say=say,
            campaign=str(campaign) if campaign else None,
            folder=str(folder),
            begun=_opened(variables, "campaign") if options["play"] else None,
            confirmed=frozenset(names_of(self.from_command_line(variables, "upgrade_confirm"))),
            domains=domains_of(variables["ansible_play_batch"], variables) if options["play"] else {},
            ask=partial(_ask, seconds=min(options["wait"], ASK_SECONDS)),
            keep=Keep.of(self.templated(variables, KEPT), self.templated(variables, AGE)),
        )

    def _plan(self, folder: Path, options: Mapping[str, Any], variables: Mapping[str, Any]) -> Plan:
        """Read the plan: all files are checked when it is opened, and before each play where any was written since."""
        opened = _opened(variables, "files") if options["play"] else None
        if (plan := read_unchanged(folder, opened)) is not None:
            return plan
        whole = options["state"] in ("opened", "entered")  # --start-at-task can begin behind the first gate
        return read_as_written(folder, self._approved(variables)) if whole else read_plan(folder)

    def _approved(self, variables: Mapping[str, Any]) -> str | None:
        """Give the hash that was approved with ``-e``; raises where it is approved elsewhere."""
        if extra_variable(self._loader, APPROVED) is None and variables.get(APPROVED):
            raise ControllerError(approved_elsewhere("the inventory or a playbook sets it"))
        approved = self.from_command_line(variables, APPROVED)
        return None if approved is None else str(approved)


def _opened(variables: Mapping[str, Any], key: str) -> str | None:
    """Give the campaign or the hash of the plan that this run has opened, unless its first play was skipped."""
    opened = variables.get(OPENED)
    value = opened.get(key) if isinstance(opened, Mapping) else None
    return str(value) if value else None


def _ranks(
    play_id: str, variables: Mapping[str, Any], members: Iterable[str]
) -> tuple[dict[str, Any], Placement]:
    """Give what the role of a service has set on each host as its rank, and the placement of all its *members*."""
    name = rank_variable(play_id.removeprefix(RANK_PLAY))
    known = variables["hostvars"]
    hosts = {host: known[host] for host in members if host in known}
    domains, last = ({host: each.get(word) for host, each in hosts.items()} for word in PLACEMENT_VARIABLES)
    return {host: known[host].get(name) for host in variables["ansible_play_hosts"]}, read_placement(
        domains, last
    )


def _seen_down(hostvars: Mapping[str, Any], batch: Iterable[str]) -> dict[str, list[str]]:
    """Name the members that the hosts of a wave have seen down, with their services."""
    seen = (each for host in batch for each in members_seen(hostvars[host].get(SEEN_MEMBERS)))
    return by_host((look["key"], name) for look, name, is_down in seen if is_down)


def _noted(hostvars: Mapping[str, Any], host: str) -> Mapping[str, Mapping[str, float]]:
    """Give what a host noted of the time that its steps took, by service."""
    noted: Mapping[str, Mapping[str, float]] = hostvars[host].get(TIMES) or {}
    return {} if misfit(noted, {str: {str: float}}) else noted


def _ask(question: str, seconds: int) -> str | None:
    """Ask on the terminal; None where there is none, or nobody answers in time, or the answer is to interrupt.

    A job runner gives a terminal to each job, in which nobody ever types.
    """
    end = time.monotonic() + seconds
    try:
        answer = display.prompt_until(readable(question), seconds=seconds)
    except (AnsiblePromptInterrupt, AnsiblePromptNoninteractive):
        return None
    if time.monotonic() >= end:  # what was typed so far was not ended by a return key
        display.display(f"Nobody answered for {seconds} s.")
        return None
    return answer.decode(errors="replace").strip()
