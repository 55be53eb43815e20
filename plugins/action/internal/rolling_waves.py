# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the roll: what the survey found, in; waves, out."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.utils.display import Display

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._common.text import names_of
from ...plugin_utils._inventory.placement import DOMAIN, LAST, read_placement
from ...plugin_utils._lock import manager
from ...plugin_utils._roll.announcement import lines
from ...plugin_utils._roll.roll import SERIAL, WAVES, Fleet, Roll, plan_roll, read_sizes
from ...plugin_utils._run.presence import seen_by
from ...plugin_utils._run.run import RunState, this_run
from ...plugin_utils._service.catalogue import load_services, select
from ...plugin_utils._store.store import PREFIX as RUNS
from ...plugin_utils._store.store import Rehearsal, open_store
from ...plugin_utils._tasks.strategy import FREE, LINEAR, acts_for_all
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...plugin_utils._service.service import Service

PARTS = ("drain", "verify", "undrain")
ASKED_TOGETHER = ("rolling_op_blockers", "rolling_op_windows")

display = Display()


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            pending={"type": "dict", "required": True},
            lost={"type": "list", "elements": "str", "default": []},
            services={"type": "raw", "default": []},
            deferred_only={"type": "bool", "default": False},
            waves={"type": "raw"},
            serial={"type": "raw"},
            operation={"type": "str", "default": "restart"},
            task_files={"type": "list", "elements": "str", "default": []},
            store={"type": "str"},
        )
        services = load_services(variables)
        only = names_of(options["services"])
        select(services, only, "services")
        fleet = _fleet(services, variables, options, self.store_url(options, variables))
        sizes = read_sizes(
            options["waves"] or self.templated(variables, WAVES),
            options["serial"] or self.templated(variables, SERIAL),
        )
        roll = plan_roll(fleet, only=only, deferred_only=options["deferred_only"], sizes=sizes)
        # Of the hosts, or of the play, as import_playbook gives them.
        asked = any(
            self.templated(variables, name) or any(_values(variables, name).values())
            for name in ASKED_TOGETHER
        )
        strategy = _strategy(roll, options["task_files"], asked=asked)
        for line in lines(roll, options["operation"], every_wave=display.verbosity > 0):
            say(line)
        return {"changed": False, **roll.as_result(), "strategy": strategy}


def _strategy(roll: Roll, task_files: Sequence[str], *, asked: bool) -> str:
    """Let hosts of a wave go on by themselves, unless something is asked or done for all of them together."""
    parts = (
        service.tasks_file(part)
        for services in roll.visits.values()
        for service in services
        for part in PARTS
    )
    files = {*map(Path, task_files), *filter(None, parts)}
    return LINEAR if asked or acts_for_all(files) else FREE


def _fleet(
    services: Sequence[Service], variables: Mapping[str, Any], options: Mapping[str, Any], url: str
) -> Fleet:
    """Put together what inventory, survey and locks tell."""
    answered = frozenset(variables["ansible_play_hosts"]) - frozenset(options["lost"])
    silent = frozenset(variables["ansible_play_hosts_all"]) - answered
    pending = {host: [entry["unit"] for entry in entries] for host, entries in options["pending"].items()}
    held, out_of_service = _read_locks(url, options["operation"])
    return Fleet(
        services=services,
        groups=variables["groups"],
        pending={**pending, **dict.fromkeys(silent, ())},
        silent=silent,
        held=held,
        out_of_service=out_of_service,
        placement=read_placement(_values(variables, DOMAIN), _values(variables, LAST)),
    )


def _values(variables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give the value of a variable on every host that may be visited."""
    return {host: variables["hostvars"][host].get(name) for host in variables["ansible_play_hosts_all"]}


def _read_locks(url: str, operation: str) -> tuple[dict[str, list[str]], dict[str, dict[str, str]]]:
    """Read which hosts a roll of the operation left behind when it ended, and which are out of service."""
    here = this_run(os.getppid())
    left: dict[str, list[str]] = {}
    with closing(open_store(url)) as store:
        rehearsal = Rehearsal(store)
        state_of = seen_by(store.read(RUNS), here)
        for slot in manager.held_slots(rehearsal):
            holder = slot.holder
            if holder.operation == operation and state_of(holder.run) is RunState.OVER:
                left.setdefault(holder.host, []).append(slot.service)
        return left, manager.out_of_service(rehearsal)
