# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the plan with a survey: what the hosts answered, in; the plan's folder and a summary, out."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail, AnsibleError

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._campaign.absences import absences_in
from ...plugin_utils._campaign.journal import read_seconds
from ...plugin_utils._inventory.inventory import Inventory
from ...plugin_utils._plan.durations import estimate
from ...plugin_utils._plan.survey import readable
from ...plugin_utils._render.summary import summary
from ...plugin_utils._store.store import Rehearsal, StoreError, default_url, open_store
from ...plugin_utils._terminal import say
from ...plugin_utils._upgrade import make_plan

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from ...plugin_utils._plan.plan import Plan


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            plan_dir={"type": "path"}, variable={"type": "str", "default": "orderly_versions"}
        )
        hostvars = variables["hostvars"]
        hosts = variables["ansible_play_hosts_all"]
        answers = {host: hostvars[host].get(options["variable"]) or {} for host in hosts}
        # As while Ansible parses: the plan belongs to no host, so that it is the same as that of upgrade.
        of_play = {key: value for key, value in variables.items() if key != "inventory_hostname"}
        url = self.templated(variables, "orderly_store")
        took = _took(url)
        absences = absences_in(url, say)
        try:
            inventory = Inventory(self._loader, variables["ansible_inventory_sources"])
            inventory.check_unchanged(variables["groups"])
            plan, playbook = make_plan(
                inventory, of_play, {"plan_dir": options["plan_dir"]}, answers, took, absences
            )
        except AnsibleActionFail:
            raise
        except AnsibleError as exc:
            raise AnsibleActionFail(f"The inventory cannot be read for the plan: {exc}") from None
        members = {service: frozenset(each.hosts) for service, each in plan.services.items()}
        how_long = estimate(plan.plays, took)
        known = {**_not_asked(plan, answers), **readable(answers, members)}
        lines = summary(plan, known, playbook.parent, how_long, absences.now)
        for line in lines:
            say(line)
        return {
            "changed": False,
            "id": plan.id,
            "hash": plan.hash,
            "folder": str(playbook.parent),
            "lines": lines,
        }


def _not_asked(plan: Plan, answers: Container[str]) -> dict[str, dict[str, str]]:
    """Say of the hosts of a plan that the run did not ask why it did not."""
    hosts = {host for service in plan.services.values() for host in service.hosts}
    return {
        host: {"msg": "it was not asked, as --limit leaves it out"} for host in hosts if host not in answers
    }


def _took(url: str | None) -> dict[str, float]:
    """Tell how long parts of services took in earlier campaigns, if the store knows; a plan needs no store."""
    with suppress(StoreError), closing(open_store(url or default_url())) as store:
        return read_seconds(Rehearsal(store))
    return {}
