# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the survey while a plan runs: which hosts to ask, and whether their answers are what was approved."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils._approval import AGAIN
from ..plugin_utils._campaign import CampaignError, read_journal
from ..plugin_utils._catalogue import PLAN_FILE
from ..plugin_utils._gate import part_of
from ..plugin_utils._order import natural
from ..plugin_utils._planner import CHANGE
from ..plugin_utils._run import this_run
from ..plugin_utils._store import Rehearsal, StoreError, default_url, open_store
from ..plugin_utils._survey import Survey, drift_of_versions

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, options = self.validate_argument_spec(
            {
                "state": {"type": "str", "choices": ["wanted", "checked"], "required": True},
                "variable": {"type": "str", "default": "orderly_versions"},
                "store": {"type": "str"},
            }
        )
        plan = json.loads(Path(variables["playbook_dir"], PLAN_FILE).read_text(encoding="utf-8"))
        if options["state"] == "wanted":
            url = options["store"] or self._templar.template(variables.get("orderly_store")) or default_url()
            try:
                return {
                    "changed": False,
                    "hosts": _to_do(plan, url, self._templar.template(variables.get("campaign"))),
                }
            except (StoreError, CampaignError) as exc:
                raise AnsibleActionFail(str(exc)) from None
        hostvars = variables["hostvars"]
        hosts = variables["ansible_play_hosts_all"]
        answers = {host: hostvars[host].get(options["variable"]) or {} for host in hosts}
        asked = {host: answer for host, answer in answers.items() if not answer.get("skipped")}
        drift = drift_of_versions(Survey.from_data(plan["survey"]), asked)
        if drift:
            listed = "".join(f"\n  - {line}" for line in drift)
            raise AnsibleActionFail(
                f"This is not what the plan {plan['hash']} was approved for, and it stops here:{listed}\n{AGAIN}",
                result={"drift": list(drift)},
            )
        return {"changed": False, "drift": []}


def _to_do(plan: Mapping[str, Any], url: str, campaign: str | None) -> list[str]:
    """Name the hosts that have not changed yet; a host that is done is not contacted again."""
    with closing(open_store(url)) as store:
        progress = read_journal(Rehearsal(store), plan["id"], this_run(os.getppid()), campaign).progress()
    hosts = {
        host
        for play in plan["plays"]
        if play["kind"] == CHANGE
        for name, members in play["services"].items()
        for host in members
        if not progress.is_done(part_of(play, name), host)
    }
    return sorted(hosts, key=natural)
