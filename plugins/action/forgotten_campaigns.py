# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of forgetting campaigns."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible.utils.display import Display

from ..plugin_utils._action import ControllerAction, Result
from ..plugin_utils._campaign.forget import AGE, KEPT, Keep, forget
from ..plugin_utils._common.text import listed, now_text, plural
from ..plugin_utils._store.store import Rehearsal, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

display = Display()


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(kept={"type": "int"}, days={"type": "int"}, store={"type": "str"})
        named = {"kept": KEPT, "days": AGE}
        kept, days = (
            self.templated(variables, name) if options[key] is None else options[key]
            for key, name in named.items()
        )
        with closing(open_store(self.store_url(options, variables))) as real:
            store = Rehearsal(real) if self._task.check_mode else real
            forgotten = forget(store, Keep.of(kept, days), now_text())
        words = f": {listed(forgotten)}" if forgotten else ""
        display.display(f"{plural(len(forgotten), 'campaign')} forgotten{words}.")
        return {"changed": bool(forgotten), "forgotten": list(forgotten)}
