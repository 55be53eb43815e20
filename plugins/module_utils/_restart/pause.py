# SPDX-License-Identifier: GPL-3.0-or-later
"""Pausing units for maintenance, and bringing exactly those back: decide first, then do it.

What is paused stands in a file for each unit, which is written before anything is stopped and removed after the unit
runs again. So a run that is killed at any moment leaves something that the next one can finish, either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .paused import Paused
from .restart import FAILED, SKIPPED, Result, taken_along, wait_until_settled

if TYPE_CHECKING:
    from typing import Callable, Iterable

    from .._host.systemd import Systemd, UnitState
    from .paused import PausedFolder
    from .restart import Patience

PAUSED, WOULD_PAUSE, ALREADY_PAUSED = "paused", "would_pause", "already_paused"
RESUMED, WOULD_RESUME, NOT_PAUSED = "resumed", "would_resume", "not_paused"
LOCAL_UNITS = "/etc/systemd/system/"


# --- Pausing ---


@dataclass(frozen=True)
class PausePlan:
    """What is to be paused, in the order in which it starts, and what becomes of the rest."""

    pause: tuple[Paused, ...]
    others: tuple[Result, ...]

    def foresee(self) -> tuple[Result, ...]:
        """Tell what would become of every unit."""
        return (*(Result(each.unit, WOULD_PAUSE) for each in self.pause), *self.others)


def plan_pause(
    units: Iterable[str], states: Mapping[str, UnitState], paused: Mapping[str, Paused], now: int, reason: str
) -> PausePlan:
    """Plan to pause units, each after the sockets and timers that start it and before what stops along with it."""
    wanted = (
        name
        for unit in units
        for name in (*states[unit].triggered_by, unit, *taken_along(states[unit].unit, _by_unit(states)))
    )
    pause: list[Paused] = []
    others = []
    for state in dict.fromkeys(states[name] for name in wanted):
        before = paused.get(state.unit)
        if before and _is_held(state, before):
            others.append(Result(state.unit, ALREADY_PAUSED))
        elif before:  # a run that was killed had begun with it
            pause.append(before)
        elif not state.is_known:
            others.append(Result(state.unit, SKIPPED, "there is no such unit on this host"))
        elif state.managed:
            others.append(Result(state.unit, SKIPPED, state.managed))
        elif state.is_masked:
            others.append(Result(state.unit, SKIPPED, "somebody else masked it, so it stays masked"))
        else:
            masked = not state.fragment.startswith(LOCAL_UNITS)
            was_active = state.is_active or state.in_transition
            pause.append(Paused(state.unit, was_active, masked, now, reason, position=len(pause)))
    return PausePlan(tuple(pause), tuple(others))


def _by_unit(states: Mapping[str, UnitState]) -> dict[str, UnitState]:
    return {**states, **{state.unit: state for state in states.values()}}


def related(state: UnitState) -> tuple[str, ...]:
    """Name the units that have to be looked at when this one is paused or resumed."""
    return (*state.triggered_by, *state.takes_along)


def _is_held(state: UnitState, paused: Paused) -> bool:
    return not state.is_active and not state.in_transition and (state.is_masked or not paused.masked)


def carry_out_pause(
    plan: PausePlan, systemd: Systemd, folder: PausedFolder, lift: Callable[[str], object]
) -> tuple[Result, ...]:
    """Write down what ran, then stop everything, the last first, and keep it from starting."""
    for each in plan.pause:  # all of them before the first stop, which may take others along
        folder.write(each)
    folder.hold_local(plan.pause)
    systemd.must("daemon-reload")
    results = []
    for each in reversed(plan.pause):
        lift(each.unit)
        systemd.must("stop", each.unit)
        if each.masked:
            systemd.must("mask", each.unit)
        results.append(Result(each.unit, PAUSED))
    return (*reversed(results), *plan.others)


# --- Resuming ---


@dataclass(frozen=True)
class ResumePlan:
    """What is to be brought back, in the order in which it starts, and what is not paused."""

    resume: tuple[Paused, ...]
    others: tuple[Result, ...]

    def foresee(self) -> tuple[Result, ...]:
        """Tell what would become of every unit."""
        return (*(Result(each.unit, WOULD_RESUME, _why(each)) for each in self.resume), *self.others)


def _why(paused: Paused) -> str:
    return "" if paused.was_active else "it was not running before, so it is not started"


def plan_resume(
    units: Sequence[str], states: Mapping[str, UnitState], paused: Mapping[str, Paused], *, everything: bool
) -> ResumePlan:
    """Plan to bring units back in the order in which they start, with what was paused along with them."""
    wanted = {name for unit in units for name in (states[unit].unit, *_closure(unit, states))}
    resume = sorted(
        (each for each in paused.values() if everything or each.unit in wanted),
        key=lambda each: (each.since, each.position),
    )
    others = tuple(Result(states[unit].unit, NOT_PAUSED) for unit in units if states[unit].unit not in paused)
    return ResumePlan(tuple(resume), others)


def _closure(unit: str, states: Mapping[str, UnitState]) -> list[str]:
    found = [unit]
    for each in found:
        found += [name for name in related(states[each]) if name not in found]
    return [states[name].unit for name in found]


def carry_out_resume(
    plan: ResumePlan,
    systemd: Systemd,
    folder: PausedFolder,
    done: Callable[[UnitState], None],
    patience: Patience,
) -> tuple[Result, ...]:
    """Let all of them start again and start what ran; one that does not come back stays paused in our books."""
    for each in plan.resume:
        if each.masked:
            systemd.must("unmask", each.unit)
    folder.release_local(plan.resume)
    systemd.must("daemon-reload")
    return (*(_resume(each, systemd, folder, done, patience) for each in plan.resume), *plan.others)


def _resume(
    paused: Paused,
    systemd: Systemd,
    folder: PausedFolder,
    done: Callable[[UnitState], None],
    patience: Patience,
) -> Result:
    if paused.was_active:
        complaint = systemd.order("start", paused.unit)
        state = wait_until_settled(paused.unit, systemd, patience)
        if complaint or not state.is_active:
            return Result(
                paused.unit, FAILED, complaint or f"after being started it is {state}, expected active"
            )
        done(state)
    folder.remove(paused.unit)
    return Result(paused.unit, RESUMED, _why(paused))


def describe_failure(results: Iterable[Result], host: str) -> str:
    """Put what did not come back into a sentence; an empty text where everything did."""
    failed = [result for result in results if result.result == FAILED]
    if not failed:
        return ""
    first = failed[0]
    names = ", ".join(result.unit for result in failed)
    return (
        f"{names} on {host} did not come back from the pause: {first.why.splitlines()[0].rstrip('.')}. "
        f"See journalctl -u {first.unit}; once it is healthy, run this again."
    )


def summarise(results: Sequence[Result]) -> dict[str, Any]:
    """Put results into plain data."""
    changes = (PAUSED, WOULD_PAUSE, RESUMED, WOULD_RESUME, FAILED)
    return {
        "changed": any(result.result in changes for result in results),
        "units": [{"unit": each.unit, "result": each.result, "why": each.why} for each in results],
    }
