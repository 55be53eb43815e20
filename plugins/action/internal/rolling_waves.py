# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge of the roll: what the survey found, in; waves, out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.utils.display import Display

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._common.names import check_not_ours
from ...plugin_utils._common.places import open_to_others
from ...plugin_utils._common.text import names_of
from ...plugin_utils._inventory.inventory import Inventory
from ...plugin_utils._inventory.placement import DOMAIN, LAST, read_placement
from ...plugin_utils._lock import manager
from ...plugin_utils._plan.role_files import beside_alone
from ...plugin_utils._roll.announcement import lines
from ...plugin_utils._roll.callbacks import find_callbacks
from ...plugin_utils._roll.closing import closing_line
from ...plugin_utils._roll.looks import plan_looks
from ...plugin_utils._roll.ranks import read_ranks
from ...plugin_utils._roll.roll import SERIAL, WAVES, Fleet, Roll, plan_roll, read_sizes
from ...plugin_utils._roll.survey import (
    BOOT,
    MEMBERS,
    NO_ANSWER,
    PENDING,
    read_boots,
    read_machines,
    read_members,
    read_survey,
)
from ...plugin_utils._run.presence import seen_by
from ...plugin_utils._run.run import RunState, run_of_worker
from ...plugin_utils._run.whole import check_as_written
from ...plugin_utils._service.catalogue import check_agreement, check_beside_inventory, load_services, select
from ...plugin_utils._service.majority import check_majorities
from ...plugin_utils._service.steps import ROLL_PARTS
from ...plugin_utils._store.store import PREFIX as RUNS
from ...plugin_utils._store.store import Rehearsal, open_store
from ...plugin_utils._tasks.strategy import LINEAR, PINNED, acts_for_all
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...plugin_utils._roll.survey import Unit
    from ...plugin_utils._service.service import Service

TASKS = "rolling_op_tasks"
ASKED_TOGETHER = ("rolling_op_blockers", "rolling_op_windows")

ONLY = {"restart": "restart_only"}
"""What names the services of an operation, where the variable is not that of all operations."""

display = Display()


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(
            survey={"type": "str"},
            members={"type": "str"},
            about={"choices": ["pending", "boot"], "default": "pending"},
            everything={"type": "bool", "default": False},
            services={"type": "raw", "default": []},
            deferred_only={"type": "bool", "default": False},
            waves={"type": "raw"},
            serial={"type": "raw"},
            operation={"type": "str", "default": "restart"},
            tasks={"type": "str", "default": ""},
            own_tasks={"type": "bool", "default": False},
            store={"type": "str"},
        )
        check_as_written("The roll", variables, self._task.get_play())
        check_beside_inventory(variables)
        services = load_services(variables)
        only = names_of(options["services"])
        select(services, only, ONLY.get(options["operation"], "rolling_op_services"))
        check_not_ours(variables["groups"]["all"])
        _check_agreement(services, variables)
        check_majorities(services, {each.name: variables["groups"][each.group] for each in services})
        units, machines, unseen = self._members(services, options, variables)
        along, silent, messages = self._survey(services, options, variables)
        locks = _read_locks(self.store_url(options, variables), options["operation"])
        fleet = _fleet(services, variables, along, {**unseen, **silent}, locks, units)
        fleet = replace(fleet, machines=machines, ranks=_ranks(services, fleet, variables))
        sizes = read_sizes(
            options["waves"] or self.templated(variables, WAVES),
            options["serial"] or self.templated(variables, SERIAL),
        )
        roll = plan_roll(
            fleet,
            only=only,
            deferred_only=options["deferred_only"],
            restarts=not options["own_tasks"],
            sizes=sizes,
        )
        _check_reach(roll)
        tasks = self._tasks(roll.order, options, variables)
        # Of the hosts, or of the play, as import_playbook gives them.
        asked = any(
            self.templated(variables, name) or any(_values(variables, name).values())
            for name in ASKED_TOGETHER
        )
        strategy = _strategy(roll, tasks.values() if options["own_tasks"] else (), asked=asked)
        together = strategy == LINEAR
        every_wave = display.verbosity > 0
        for line in (
            *messages,
            *lines(roll, options["operation"], every_wave=every_wave, together=together),
        ):
            say(line)
        result = {**roll.as_result(together=together), "looks": plan_looks(roll)}
        if not roll.waves:  # else the end of the run says it
            say(closing_line(options["operation"], result, lambda _host, _name: None))
        return {"changed": False, **result, "tasks": tasks, "strategy": strategy}

    def _members(
        self, services: Sequence[Service], options: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> tuple[dict[str, dict[str, Unit]], dict[str, str], Mapping[str, str]]:
        """Give how the units of the hosts are, which machine answered for each, and why others have no answer."""
        if not options["members"]:
            return {}, {}, {}
        hosts = variables["ansible_play_hosts"]
        answers = {host: variables["hostvars"][host].get(options["members"]) for host in hosts}
        survey = read_survey(answers, MEMBERS, self.claims(hosts, (service.name for service in services)))
        return read_members(survey.answers), read_machines(survey.answers), survey.silent

    def _survey(
        self, services: Sequence[Service], options: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> tuple[dict[str, dict[str, list[str]]], dict[str, str], Sequence[str]]:
        """Give what is pending on the hosts to visit, with what goes along, and why others have no answer."""
        hosts = variables["ansible_play_hosts"]
        gone = dict.fromkeys(set(variables["ansible_play_hosts_all"]) - set(hosts), NO_ANSWER)
        if not options["survey"]:
            return {host: {} for host in hosts}, gone, ()
        shape = PENDING if options["about"] == "pending" else BOOT
        answers = {host: variables["hostvars"][host].get(options["survey"]) for host in hosts}
        survey = read_survey(answers, shape, self.claims(hosts, (service.name for service in services)))
        silent = {**survey.silent, **gone}
        if options["about"] == "boot":
            boots = read_boots(survey.answers, everything=options["everything"])
            return {host: {} for host in boots.due}, silent, boots.lines
        along = {
            host: {entry["unit"]: list(entry["along"]) for entry in answer["pending"]}
            for host, answer in survey.answers.items()
        }
        return along, silent, ()

    def _tasks(
        self, hosts: Sequence[str], options: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> dict[str, str]:
        """Give the task file of each host: the one for all, which comes with the role, or one that users bring."""
        if not options["own_tasks"]:
            return dict.fromkeys(hosts, options["tasks"])
        # Extra variables take precedence over those of hosts, but here a host's own file overrides the one for all.
        own = Inventory(self._loader, variables["ansible_inventory_sources"], extra_vars=False)
        overrides = {host: str(own.variable(host, TASKS) or "") for host in variables["ansible_play_hosts"]}
        names = {options["tasks"], *overrides.values()}
        found = find_callbacks(overrides, options["tasks"], overrides, _folders(variables, names))
        return {host: found[host] for host in hosts}


def _folders(variables: Mapping[str, Any], names: Iterable[str]) -> Iterator[Path]:
    here = Path.cwd()
    if not (why := open_to_others(here)):
        yield here
    for name in names:
        if why and not Path(name).is_absolute() and (here / name).is_file():
            display.warning(
                f"The task file {here / name} is not used, as it was only found in the current folder: {why}. Name its "
                "whole path if it is to be used."
            )
    for name in ("inventory_dir", "playbook_dir"):
        if variables.get(name):
            yield Path(variables[name])


def _strategy(roll: Roll, task_files: Iterable[str], *, asked: bool) -> str:
    """Let each host go by itself, unless something is asked or done for all hosts of a wave together."""
    parts = (
        service.tasks_file(part)
        for services in roll.visits.values()
        for service in services
        for part in ROLL_PARTS
    )
    files = {*map(Path, task_files), *filter(None, parts)}
    return LINEAR if asked or acts_for_all(files) else PINNED


def _fleet(
    services: Sequence[Service],
    variables: Mapping[str, Any],
    along: Mapping[str, Mapping[str, Sequence[str]]],
    silent: Mapping[str, str],
    locks: tuple[dict[str, list[str]], dict[str, dict[str, str]]],
    units: Mapping[str, Mapping[str, Unit]],
) -> Fleet:
    """Put together what inventory, survey and locks say."""
    held, out_of_service = locks
    return Fleet(
        services=services,
        groups=variables["groups"],
        pending={**{host: [*units] for host, units in along.items()}, **dict.fromkeys(silent, ())},
        silent=silent,
        held=held,
        out_of_service=out_of_service,
        placement=read_placement(_values(variables, DOMAIN), _values(variables, LAST)),
        units=units,
        along=along,
    )


def _ranks(
    services: Sequence[Service], fleet: Fleet, variables: Mapping[str, Any]
) -> dict[str, dict[str, int]]:
    """Read what the roles found out on the hosts that answered, each about itself."""
    here = set(variables["ansible_play_hosts"]) - fleet.silent.keys()
    members = {
        name: [host for host in hosts & here if fleet.why_out(name, host) is None]
        for name, hosts in fleet.members.items()
    }
    return read_ranks(services, members, lambda host, name: variables["hostvars"][host].get(name))


def _check_agreement(services: Iterable[Service], variables: Mapping[str, Any]) -> None:
    """Refuse a service whose members do not agree about its budget, or another setting of its."""
    known = cache(variables["hostvars"].__getitem__)
    for service in services:
        check_agreement(service, variables["groups"][service.group], lambda host, name: known(host).get(name))


def _check_reach(roll: Roll) -> None:
    """Refuse a roll that would fail when a host is drained already, as a role that is asked for is not found there."""
    for service in {
        service.name: service for visited in roll.visits.values() for service in visited
    }.values():
        for name, asked_by in beside_alone(service).items():
            raise ControllerError(
                f"Nothing was started: {asked_by} the role {name}, which is beside it; a roll finds roles by name only "
                f"where Ansible looks for them. Add {service.path.parent} to roles_path in ansible.cfg, or name the "
                f"role {{{{ role_path }}}}/../{name}."
            )


def _values(variables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give the value of a variable on every host that may be visited."""
    return {host: variables["hostvars"][host].get(name) for host in variables["ansible_play_hosts_all"]}


def _read_locks(url: str, operation: str) -> tuple[dict[str, list[str]], dict[str, dict[str, str]]]:
    """Read which hosts a roll of the operation left behind when it ended, and which are out of service."""
    here = run_of_worker()
    left: dict[str, list[str]] = {}
    with closing(open_store(url)) as store:
        rehearsal = Rehearsal(store)
        state_of = seen_by(store.read(RUNS), here)
        for slot in manager.held_slots(rehearsal):
            holder = slot.holder
            if holder.operation == operation and state_of(holder.run) is RunState.OVER:
                left.setdefault(holder.host, []).append(slot.service)
        return left, manager.out_of_service(rehearsal)
