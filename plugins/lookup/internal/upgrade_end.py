# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: upgrade_end
short_description: The last line of an upgrade
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Gives an empty text, to stand in the C(hosts) of the play after the one that opens the campaign of a plan.
  - When the run ends, in whichever way, one line says what is done, on how many hosts, and what is left and why. Only
    the process that reads C(hosts) is there till the end, also where Ansible stops after a play that failed.
"""

EXAMPLES = r"""
- name: Validate web
  hosts: "web{{ lookup('orderly.services.internal.upgrade_end') }}"
"""

RETURN = r"""
_raw:
  description: An empty text.
  type: list
  elements: str
"""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase
from ansible.template import Templar

from ...plugin_utils._campaign.closing import closing_line
from ...plugin_utils._campaign.journal import Journal
from ...plugin_utils._campaign.upgrade_run import UpgradeRun
from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._inventory.inventory import limited_hosts
from ...plugin_utils._inventory.selection import Selection
from ...plugin_utils._inventory.trusted import without_facts
from ...plugin_utils._last_words import promise
from ...plugin_utils._plan.names import OPENED
from ...plugin_utils._plan.plan import held_plan
from ...plugin_utils._run.run import this_run
from ...plugin_utils._store.store import default_url, open_store
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

_promised: set[str] = set()


class LookupModule(LookupBase):
    def run(
        self, _terms: list[str], variables: Mapping[str, Any] | None = None, **_options: Any
    ) -> list[str]:
        variables = variables or {}
        if "hostvars" in variables and not _promised:
            _promised.add("closing line")
            promise(partial(self._say, variables))
        return [""]

    def _say(self, variables: Mapping[str, Any]) -> None:
        opened = _opened(variables)
        if not opened.get("campaign"):
            return  # --list-tasks, or refused with a sentence of its own
        try:
            say(self._line(opened["campaign"], variables))
        except ControllerError as exc:
            say(f"What the upgrade has done is not known: {exc}")

    def _line(self, campaign: str, variables: Mapping[str, Any]) -> str:
        trusted = without_facts(variables)
        every = trusted["groups"]["all"]
        of_host = trusted["hostvars"][every[0]]
        values = Templar(loader=self._loader, variables=of_host)
        named = {name: values.template(of_host.get(name)) for name in ("upgrade_stage", "upgrade_only")}
        limit = variables.get("ansible_limit")
        hosts = limited_hosts(self._loader, variables["groups"], limit) if limit else None
        plan = held_plan(Path(variables["playbook_dir"]), None)
        check = bool(variables.get("ansible_check_mode"))
        with closing(
            open_store(str(values.template(of_host.get("orderly_store")) or default_url()))
        ) as store:
            run = UpgradeRun(
                plan,
                store,
                this_run(),
                Selection.from_variables(named, hosts),
                check,
                say,
            )
            progress = Journal(store, campaign, run.run).progress()
            return closing_line(campaign, plan, progress, run.about(), run.run.id, check=check)


def _opened(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what the first gate said, which is known of every host that was in its play."""
    hostvars = variables["hostvars"]
    known = (hostvars.raw_get(host).get(OPENED) for host in variables["groups"]["all"])
    return next((each for each in known if isinstance(each, dict)), {})
