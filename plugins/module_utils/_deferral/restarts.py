# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that restart units have in common: which ones are wanted, and what becomes of them."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.dpkg import known_versions, read_packages
from .._host.errors import HostError
from .._host.files import boot_id
from .._host.systemd import Systemd, known_services
from .._restart.members import DOWN, STOPPED, word_of
from .._restart.paused import PausedFolder
from .._restart.restart import Patience, as_diff, describe_failure, plan_restart, summarise
from .._restart.unfinished import Restarts, UnfinishedFolder, with_unfinished
from .ledger import is_done, sort_records
from .record_files import DeferredStore
from .stale import stale_units
from .strict_files import StrictMode

if TYPE_CHECKING:
    from typing import Any, Container, Iterable, Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .._host.runner import Runner
    from .._host.systemd import UnitState
    from .._restart.restart import RestartPlan, Result
    from .ledger import Ledger
    from .record import Record

    States = Mapping[str, UnitState]


@dataclass(frozen=True)
class Wanted:
    """Which units a module acts on; the options of ``restart_services`` say what each means.

    *current* wants that units run what is installed: also what does not run though it should, and what runs a program
    that was replaced, waits; of units that are named, those that the host does not have are left out.
    """

    services: Sequence[str]
    units: Sequence[str]
    deferred_only: bool
    include_pending: bool | None
    include_stale: bool
    timeout: int
    watch: int
    restarting: str
    current: bool = False

    def named(self, systemd: Systemd) -> list[str]:
        """Name the units that were asked for."""
        named = [*known_services(self.services, systemd), *self.units]
        return _known(named, systemd) if self.current else named

    def plan(
        self, named: Sequence[str], waiting: Sequence[str], states: States, paused: Container[str]
    ) -> RestartPlan:
        """Plan what to do with the named units, and those that wait."""
        return plan_restart(
            named,
            waiting,
            states,
            deferred_only=self.deferred_only,
            include_pending=not named if self.include_pending is None else self.include_pending,
            paused=paused,
        )


def _known(named: Sequence[str], systemd: Systemd) -> list[str]:
    states = systemd.show(named)
    known = [unit for unit in named if states[unit].is_known]
    if named and not known:
        raise HostError(
            f"{platform.node()} has none of the units {', '.join(named)}. Name its units as systemctl list-units "
            "shows them there.",
            units=[*named],
        )
    return known


def restart(module: AnsibleModule, wanted: Wanted) -> None:
    """Restart what is wanted, or in check mode say what would be, and end the module with what became of it."""
    run = module.run_command
    store, systemd, boot = DeferredStore(), Systemd(run), boot_id()
    paused = PausedFolder().units()
    restarting = UnfinishedFolder(Path(wanted.restarting))
    try:
        records, trouble = store.read()
        begun, unread = restarting.read()
        named = wanted.named(systemd)
        units = sorted({*named, *(record.unit for record in records), *(each.unit for each in begun)})
        states = with_unfinished(begun, systemd.follow(units, lambda state: state.takes_along), boot)
        if wanted.current:
            states = _with_down(named, states, paused)
        ledger = sort_records(records, states, boot, _versions(records, run))
        plan = wanted.plan(named, _waiting(wanted, named, ledger, states, run), states, paused)
        already = [entry.record for entry in ledger.settled]
        settled = [record.path for record in already]
        results = plan.foresee()

        def settle(state: UnitState) -> None:
            names = (state.unit, *state.names)
            among = [record.path for record in records if record.unit in names]
            settled.extend(store.settle(lambda record: is_done(record, state, boot, records), among))

        if not module.check_mode:
            store.settle(lambda record: record in already, settled)
            restarting.remove(each.unit for each in begun if states[each.unit].is_active)
            patience = Patience(time.monotonic, time.sleep, wanted.timeout, wanted.watch)
            lift = StrictMode(systemd, run).restart
            results = Restarts(restarting, systemd, boot, lift).carry_out(plan, settle, patience)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for sentence in [*trouble, *unread]:
        module.warn(sentence)
    _end(module, plan, results, settled)


def _end(module: AnsibleModule, plan: RestartPlan, results: Sequence[Result], settled: Sequence[str]) -> None:
    outcome: dict[str, Any] = {**summarise(results), "settled": settled, "diff": as_diff(plan)}
    outcome["changed"] = bool(settled or outcome["restarted"])
    if failure := describe_failure(results, platform.node()):
        module.fail_json(msg=failure, **outcome)
    module.exit_json(**outcome)


def _waiting(wanted: Wanted, named: Sequence[str], ledger: Ledger, states: States, run: Runner) -> list[str]:
    """Name the units that wait: what is pending, what a restart of ours left down, what else is wanted."""
    found = [*ledger.waiting_units, *(state.unit for state in states.values() if state.unfinished)]
    if wanted.current:
        found += [states[name].unit for name in named if _runs_replaced(states[name])]
    if wanted.include_stale:
        dismissed = {record.unit for record in ledger.dismissed}
        found += [unit for unit in stale_units(run, named) if unit not in dismissed]
    return found


def _runs_replaced(state: UnitState) -> bool:
    return state.is_active and state.program is not None and state.program.replaced


def _with_down(named: Iterable[str], states: States, paused: Container[str]) -> dict[str, UnitState]:
    """Have the named units started that do not run though they should: one that is off stays off."""
    down = {name for name in named if word_of(states[name], paused) in (DOWN, STOPPED)}
    return {
        name: replace(state, unfinished=True) if name in down else state for name, state in states.items()
    }


def _versions(records: Iterable[Record], run: Runner) -> Mapping[str, str] | None:
    packages = {record.package for record in records if record.package}
    return known_versions(read_packages(run, packages)) if packages else None
