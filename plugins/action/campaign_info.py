# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the campaigns that the store knows."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils._campaign import CampaignError, find_campaigns, list_campaigns
from ..plugin_utils._store import StoreError, default_url, open_store
from ..plugin_utils._version_record import BEFORE, VersionRecord, say_installed

if TYPE_CHECKING:
    from collections.abc import Mapping

display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            {
                "campaign": {"type": "str"},
                "open_only": {"type": "bool", "default": False},
                "store": {"type": "str"},
            }
        )
        url = options["store"] or self._templar.template((task_vars or {}).get("orderly_store"))
        try:
            with closing(open_store(url or default_url())) as store:
                campaigns = list_campaigns(store)
                told = [each for each in campaigns if each.is_open or not options["open_only"]]
                details = {}
                if name := options["campaign"]:
                    told = find_campaigns(told, name)
                    details = {each.id: VersionRecord(store, each.id).read(BEFORE) for each in told}
        except (StoreError, CampaignError) as exc:
            raise AnsibleActionFail(str(exc)) from None
        for campaign in told:
            display.display(str(campaign))
            for line in say_installed(details.get(campaign.id, {})):
                display.display(f"  before, {line}")
        if not campaigns and not options["open_only"]:
            display.display("No upgrade was ever begun.")
        known = {campaign: {"versions_before": before} for campaign, before in details.items()}
        return {
            "changed": False,
            "campaigns": [{**each.as_dict(), **known.get(each.id, {})} for each in told],
        }
