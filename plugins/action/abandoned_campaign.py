# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of abandoning a campaign."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..plugin_utils._action import ControllerAction, Result
from ..plugin_utils._campaign.campaign import abandon
from ..plugin_utils._campaign.forget import AGE, KEPT, Keep, forget
from ..plugin_utils._common.shell import playbook
from ..plugin_utils._common.text import now_text
from ..plugin_utils._run.presence import seen_by
from ..plugin_utils._run.run import run_of_worker
from ..plugin_utils._store.store import PREFIX as RUNS
from ..plugin_utils._store.store import Rehearsal, open_store
from ..plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(campaign={"type": "str"}, reason={"type": "str"}, store={"type": "str"})
        named = options["campaign"] or self.from_command_line(variables, "abandon_campaign")
        reason = options["reason"] or self.from_command_line(variables, "abandon_reason")
        now = now_text()
        with closing(open_store(self.store_url(options, variables))) as real:
            store = Rehearsal(real) if self._task.check_mode else real
            state_of = seen_by(store.read(RUNS), run_of_worker())
            campaign = abandon(store, str(named or ""), str(reason or ""), state_of, now)
            keep = Keep.of(self.templated(variables, KEPT), self.templated(variables, AGE))
            forget(store, keep, now)
        result = campaign.as_dict()
        changed = (
            f", and undo the temporary changes of {', '.join(result['temporary'])}"
            if result["temporary"]
            else ""
        )
        say(f"{campaign}. Put back the hosts it left behind{changed}: {playbook('recover')}")
        return {"changed": True, "campaign": result}
