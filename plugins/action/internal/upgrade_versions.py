# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the survey while a plan runs: which hosts to ask, and what their answers mean to the plan."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._campaign.campaign import read_journal
from ...plugin_utils._campaign.finalizers import (
    before_finalizers,
    disagreements,
    expected_versions,
    finalizers_are_due,
    looked_at,
)
from ...plugin_utils._campaign.others import WAIT, Others, seconds_to_wait
from ...plugin_utils._campaign.versions import AFTER, BEFORE, VersionRecord
from ...plugin_utils._common.text import natural, on_one_line
from ...plugin_utils._plan.names import OPENED
from ...plugin_utils._plan.plan import AGAIN, Plan, held_plan
from ...plugin_utils._plan.survey import drift_of_versions, readable
from ...plugin_utils._run.run import run_of_worker
from ...plugin_utils._service.steps import CHANGE
from ...plugin_utils._store.store import Rehearsal, open_store
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...plugin_utils._campaign.finalizers import Expected
    from ...plugin_utils._campaign.journal import Journal, Progress
    from ...plugin_utils._plan.survey import Answer
    from ...plugin_utils._store.store import Store


NOTHING_LEFT: dict[str, list[str]] = {"hosts": [], "drift": [], "disagree": []}


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            state={"type": "str", "choices": list(STATES), "required": True},
            variable={"type": "str", "default": "orderly_versions"},
            plan={"type": "str"},
            store={"type": "str"},
            wait={"type": "int", "default": seconds_to_wait(self.templated(variables, WAIT))},
        )
        if (variables.get(OPENED) or {}).get("done"):
            return {"changed": False, **NOTHING_LEFT}
        plan = held_plan(Path(variables["playbook_dir"]), options["plan"])
        answers = _answers(variables, options["variable"], plan)
        name = self.templated(variables, "upgrade_campaign")
        with closing(open_store(self.store_url(options, variables))) as store:
            journal = read_journal(Rehearsal(store), plan.id, run_of_worker(), name, plan.work)
            known = Rehearsal(store) if self._task.check_mode else store
            look = Look(plan, known, journal, answers, options["wait"])
            outcome: dict[str, Any] = STATES[options["state"]](look)
        return {"changed": False, **outcome}


@dataclass(frozen=True)
class Look:
    """What is needed to make something of the hosts' answers."""

    plan: Plan
    store: Store
    journal: Journal
    answers: Mapping[str, Answer]
    wait: float

    @property
    def record(self) -> VersionRecord:
        """Give the record of the campaign's versions."""
        return VersionRecord(self.store, self.journal.campaign)

    def progress_of_all(self) -> Progress:
        """Give the journal, once other runs have done what finalizers wait for, as long as they are at work on it."""
        if isinstance(self.store, Rehearsal):
            return self.journal.progress()
        others = Others(self.plan, self.store, self.journal.run, self.journal.campaign, say)
        left = partial(before_finalizers, self.plan)
        return others.wait_for(self.journal.progress, left, "The finalizers wait", self.wait)

    @property
    def expected(self) -> tuple[Expected, ...]:
        """Give what hosts must have before anything is finalized."""
        return expected_versions(self.plan, self.record.read(AFTER))


def _answers(variables: Mapping[str, Any], name: str, plan: Plan) -> dict[str, Answer]:
    """Give the answers of the hosts of the play that were asked."""
    hostvars = variables["hostvars"]
    answers = {host: hostvars[host].get(name) or {} for host in variables["ansible_play_hosts_all"]}
    asked = {host: answer for host, answer in answers.items() if not answer.get("skipped")}
    return readable(asked, {service: frozenset(each.hosts) for service, each in plan.services.items()})


def _wanted(look: Look) -> dict[str, Any]:
    """Name the hosts that have not changed yet; a host that is done is not contacted again."""
    progress = look.journal.progress()
    hosts = {
        host
        for play in look.plan.plays
        if play.kind == CHANGE
        for name, members in play.services.items()
        for host in members
        if not progress.is_done(play.part(name), host)
    }
    return {"hosts": sorted(hosts, key=natural)}


def _checked(look: Look) -> dict[str, Any]:
    drift = drift_of_versions(look.plan.survey, look.answers) if look.plan.survey else ()
    if drift:
        raise AnsibleActionFail(
            f"The hosts differ from what the plan {look.plan.hash} was approved for, so the upgrade stops"
            f" here:{_listed(drift)}\n"
            f"{AGAIN}",
            result={"drift": list(drift)},
        )
    return {"drift": []}


def _before(look: Look) -> dict[str, Any]:
    outcome = _checked(look)
    look.record.keep(BEFORE, look.answers)
    return outcome


def _after(look: Look) -> dict[str, Any]:
    look.record.keep(AFTER, look.answers)
    return {}


def _due(look: Look) -> dict[str, Any]:
    is_due = finalizers_are_due(look.plan, look.progress_of_all())
    return {"hosts": sorted({each.host for each in look.expected} if is_due else (), key=natural)}


def _agreed(look: Look) -> dict[str, Any]:
    if not finalizers_are_due(look.plan, look.journal.progress()):
        return {"disagree": []}
    here = [each for each in look.expected if each.host in look.answers]
    elsewhere = {each.host for each in look.expected} - look.answers.keys()
    disagree = list(disagreements(here, look.answers))
    if disagree:
        raise AnsibleActionFail(
            "The journal says that every change is done, but these hosts disagree, so nothing is "
            f"finalized:{_listed(disagree)}\nBring them to the expected version, and run the same command again.",
            result={"disagree": disagree},
        )
    if not isinstance(look.store, Rehearsal):
        looked_at(look.store, look.journal.campaign, look.journal.run, look.answers, elsewhere)
    return {"disagree": []}


def _listed(lines: Iterable[str]) -> str:
    return "".join(f"\n  - {on_one_line(line)}" for line in lines)


STATES = {
    "wanted": _wanted,
    "checked": _checked,
    "before": _before,
    "after": _after,
    "due": _due,
    "agreed": _agreed,
}
