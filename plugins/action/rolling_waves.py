# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the roll: what the survey found, in; waves, out."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import _rolling
from ..plugin_utils._catalogue import load_services, select
from ..plugin_utils._lock import LockError
from ..plugin_utils._order import natural
from ..plugin_utils._presence import PREFIX as RUNS
from ..plugin_utils._presence import seen_by
from ..plugin_utils._roll import plan_roll
from ..plugin_utils._run import RunState, this_run
from ..plugin_utils._selection import names_of
from ..plugin_utils._service import CatalogueError
from ..plugin_utils._store import Rehearsal, StoreError, default_url, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, options = self.validate_argument_spec(
            {
                "pending": {"type": "dict", "required": True},
                "services": {"type": "raw", "default": []},
                "deferred_only": {"type": "bool", "default": False},
                "operation": {"type": "str", "default": "restart"},
                "store": {"type": "str"},
            }
        )
        _check_all_surveyed(variables)
        url = options["store"] or self._templar.template(variables.get("orderly_store")) or default_url()
        try:
            services = load_services(variables)
            only = names_of(options["services"])
            select(services, only, "services")
            roll = plan_roll(
                services,
                variables["groups"],
                {host: [entry["unit"] for entry in entries] for host, entries in options["pending"].items()},
                _left_behind(url, options["operation"]),
                only=only,
                deferred_only=options["deferred_only"],
            )
        except (CatalogueError, LockError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from None
        for line in roll.lines():
            display.display(line)
        return {"changed": False, **roll.as_result()}


def _check_all_surveyed(variables: Mapping[str, Any]) -> None:
    """Refuse to roll while a host did not answer: what is pending there, and whether it serves, is not known."""
    lost = sorted(
        set(variables["ansible_play_hosts_all"]) - set(variables["ansible_play_hosts"]), key=natural
    )
    if lost:
        raise AnsibleActionFail(
            f"Nothing was restarted: {', '.join(lost)} could not be surveyed. Bring the host back, or leave it out of "
            f"this roll on purpose: --limit '!{',!'.join(lost)}' (its services then have one host less to spare)."
        )


def _left_behind(url: str, operation: str) -> dict[str, list[str]]:
    """Name the hosts that a roll of the operation left behind when it ended, with the services they hold slots of."""
    here = this_run(os.getppid())
    left: dict[str, list[str]] = {}
    with closing(open_store(url)) as store:
        state_of = seen_by(store.read(RUNS), here)
        for slot in _rolling.held_slots(Rehearsal(store)):
            holder = slot.holder
            if holder.operation == operation and state_of(holder.run) is RunState.OVER:
                left.setdefault(holder.host, []).append(slot.service)
    return left
