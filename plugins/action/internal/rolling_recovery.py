# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the recovery: what hosts have on record, in; who is verified and who is left, out."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._campaign.campaign import list_campaigns
from ...plugin_utils._common.text import listed, names_of
from ...plugin_utils._lock import manager
from ...plugin_utils._lock.lock import held_slots
from ...plugin_utils._roll.recovery import Found, plan_recovery
from ...plugin_utils._roll.survey import DRAINED, NO_ANSWER, TEMPORARY, read_survey
from ...plugin_utils._run.presence import declare_over
from ...plugin_utils._run.run import operator, run_of_worker
from ...plugin_utils._run.whole import check_as_written
from ...plugin_utils._service.catalogue import load_services
from ...plugin_utils._store.store import Rehearsal, open_store
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...plugin_utils._run.run import Run
    from ...plugin_utils._store.store import Store


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            drained={"type": "str", "required": True},
            temporary={"type": "str", "required": True},
            store={"type": "str"},
        )
        check_as_written("The recovery", variables, self._task.get_play())
        services = load_services(variables)
        here = run_of_worker()
        deployed = {service.name: variables["groups"][service.group] for service in services}
        with closing(open_store(self.store_url(options, variables))) as store:
            told = self._told(Rehearsal(store) if self._task.check_mode else store, here, deployed, variables)
            locks, state_of = manager.look_at(store, here)
            campaigns = frozenset(each.id for each in list_campaigns(store) if each.is_open)
        hosts = variables["ansible_play_hosts"]
        gone = dict.fromkeys(set(variables["ansible_play_hosts_all"]) - set(hosts), NO_ANSWER)
        claims = self.claims(hosts, (service.name for service in services))
        drained, temporary = (
            read_survey(
                {host: variables["hostvars"][host].get(options[name]) for host in hosts}, shape, claims
            )
            for name, shape in (("drained", DRAINED), ("temporary", TEMPORARY))
        )
        found = Found(
            slots=held_slots(locks),
            drained={host: answer["services"] for host, answer in drained.answers.items()},
            silent={**gone, **temporary.silent, **drained.silent},
            state_of=state_of,
            temporary={host: answer["temporary_changes"] for host, answer in temporary.answers.items()},
            campaigns=campaigns,
            away={name: frozenset(lock.out_of_service) for name, lock in locks.items()},
        )
        recovery = plan_recovery(services, variables["groups"], variables["ansible_play_hosts_all"], found)
        for line in (*told, *recovery.lines()):
            say(line)
        return {"changed": bool(told), **recovery.as_result()}

    def _told(
        self, store: Store, here: Run, deployed: Mapping[str, Iterable[str]], variables: Mapping[str, Any]
    ) -> list[str]:
        """Write down what whoever runs this knows, and the store cannot: runs that are over, hosts that have left."""
        ended, gone, reason = (
            self.from_command_line(variables, name)
            for name in ("recover_ended_run", "recover_forget", "recover_reason")
        )
        why, who = str(reason or ""), operator()
        lines = [
            f"The run {name} is over, says {who}: {declare_over(store, name, here, why, who)}."
            for name in names_of(ended)
        ]
        if hosts := names_of(gone):
            forgotten = manager.forget(store, hosts, deployed, here, reason=why)
            lines += [f"Its slot is given back: {slot}." for slot in forgotten.slots]
            lines += [
                f"{host} has left for good, and is forgotten in {listed(names)}."
                for host, names in forgotten.services.items()
            ]
        would = "In check mode nothing was written. " if self._task.check_mode else ""
        return [would + line for line in lines]
