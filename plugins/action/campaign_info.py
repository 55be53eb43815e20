# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the campaigns that the store knows."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import ControllerAction, Result
from ..plugin_utils._campaign.campaign import find_campaigns, list_campaigns
from ..plugin_utils._campaign.now import read_open
from ..plugin_utils._campaign.versions import BEFORE, VersionRecord, say_installed
from ..plugin_utils._run.run import run_of_worker
from ..plugin_utils._store.store import open_store
from ..plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            campaign={"type": "str"}, open_only={"type": "bool", "default": False}, store={"type": "str"}
        )
        with closing(open_store(self.store_url(options, variables))) as store:
            campaigns = list_campaigns(store)
            now = read_open(store, campaigns, run_of_worker())
            chosen = [each for each in campaigns if each.is_open or not options["open_only"]]
            details = {}
            if name := options["campaign"]:
                chosen = find_campaigns(chosen, name)
                details = {each.id: VersionRecord(store, each.id).read(BEFORE) for each in chosen}
        for campaign in chosen:
            say(str(campaign))
            for line in now[campaign.id].as_lines() if campaign.id in now else ():
                say(f"  {line}")
            for line in say_installed(details.get(campaign.id, {})):
                say(f"  before, {line}")
        if not campaigns and not options["open_only"]:
            say("No upgrade has ever been started.")
        known = {campaign: {"versions_before": before} for campaign, before in details.items()}
        seen = {campaign: {"now": each.as_dict()} for campaign, each in now.items()}
        return {
            "changed": False,
            "campaigns": [
                {**each.as_dict(), **seen.get(each.id, {}), **known.get(each.id, {})} for each in chosen
            ],
        }
