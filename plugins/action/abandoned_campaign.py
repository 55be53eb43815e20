# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of abandoning a campaign."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils._campaign import CampaignError, abandon
from ..plugin_utils._presence import PREFIX as RUNS
from ..plugin_utils._presence import seen_by
from ..plugin_utils._run import this_run
from ..plugin_utils._store import Rehearsal, StoreError, default_url, open_store

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
                "campaign": {"type": "str", "required": True},
                "reason": {"type": "str", "required": True},
                "store": {"type": "str"},
            }
        )
        url = options["store"] or self._templar.template((task_vars or {}).get("orderly_store"))
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        try:
            with closing(open_store(url or default_url())) as real:
                store = Rehearsal(real) if self._task.check_mode else real
                state_of = seen_by(store.read(RUNS), this_run(os.getppid()))
                campaign = abandon(store, options["campaign"], options["reason"], state_of, now)
        except (CampaignError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from None
        display.display(
            f"{campaign}. Put back what it has left behind: ansible-playbook orderly.services.recover"
        )
        return {"changed": True, "campaign": campaign.as_dict()}
