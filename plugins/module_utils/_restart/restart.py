# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting units of a host one by one: decide first which, then do it, and stop where one does not come back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Mapping, Sequence

if TYPE_CHECKING:
    from typing import Callable, Container, Iterable

    from .._host.systemd import Systemd, UnitState

RESTARTED, WOULD_RESTART, SKIPPED, FAILED, NOT_REACHED = (
    "restarted",
    "would_restart",
    "skipped",
    "failed",
    "not_reached",
)
_POLL_SECONDS = 0.5


def select_units(
    named: Sequence[str], waiting: Sequence[str], *, deferred_only: bool, include_pending: bool
) -> tuple[str, ...]:
    """Choose the units to act on: the named ones in their order, then, where wanted, whatever else waits."""
    chosen = [unit for unit in named if unit in waiting] if deferred_only else list(named)
    return tuple(dict.fromkeys([*chosen, *(waiting if include_pending else ())]))


@dataclass(frozen=True)
class Step:
    """What is to be done with one unit: restart it, and what systemd takes along; or skip it, and why.

    One that comes *along_with* a unit before it needs no restart of its own, if systemd really takes it along.
    """

    unit: str
    before: UnitState
    skip: str = ""
    along: tuple[str, ...] = ()
    along_with: str = ""

    def foresee(self) -> Result:
        """Tell what would become of the unit."""
        why = f"systemd restarts it along with {self.along_with}" if self.along_with else ""
        return Result(self.unit, SKIPPED if self.skip else WOULD_RESTART, self.skip or why, self.along)


@dataclass(frozen=True)
class RestartPlan:
    """The units in the order in which they are dealt with."""

    steps: tuple[Step, ...]

    @property
    def to_restart(self) -> tuple[Step, ...]:
        """Keep the steps that restart."""
        return tuple(step for step in self.steps if not step.skip)

    def foresee(self) -> tuple[Result, ...]:
        """Tell what would become of every unit."""
        return tuple(step.foresee() for step in self.steps)


@dataclass(frozen=True)
class Result:
    """What became of one unit, why, and which others systemd restarts along with it."""

    unit: str
    result: str
    why: str = ""
    along: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return {"unit": self.unit, "result": self.result, "why": self.why, "along": list(self.along)}


def plan_restart(
    named: Iterable[str],
    waiting: Sequence[str],
    states: Mapping[str, UnitState],
    *,
    deferred_only: bool,
    include_pending: bool,
    paused: Container[str] = (),
) -> RestartPlan:
    """Plan what to do with each unit, one with two names once; what somebody stopped on purpose stays stopped."""
    known = by_unit(states)
    units = [states[name].unit for name in named]
    # A socket that waits is of the service that it starts: restarted under its slot, and together with it.
    units += [unit for unit in waiting if unit.endswith(".socket") and {*units} & {*known[unit].takes_along}]
    # What went down with one of them, or was stopped because it would start it, is not started along with it.
    with_them = {name for unit in units for name in (*known[unit].triggered_by, *_goes_along(unit, known))}
    units += [unit for unit in waiting if unit in with_them and known[unit].unfinished and unit not in units]
    selected = select_units(units, waiting, deferred_only=deferred_only, include_pending=include_pending)
    steps: list[Step] = []
    for unit in _first_who_take_along(selected, known):
        steps.append(_plan_step(unit, known, paused, steps))
    return RestartPlan(tuple(steps))


def _first_who_take_along(units: Iterable[str], states: Mapping[str, UnitState]) -> list[str]:
    """Put each unit before those that it takes along, as these would be restarted twice; sockets are the first."""
    left = sorted(units, key=lambda unit: not unit.endswith(".socket"))
    along = {unit: taken_along(unit, states) for unit in left}
    ordered = []
    while left:
        free = (unit for unit in left if not any(unit in along[other] for other in left if other != unit))
        ordered.append(next(free, left[0]))  # where some take each other along, in the order asked for
        left.remove(ordered[-1])
    return ordered


def by_unit(states: Mapping[str, UnitState]) -> dict[str, UnitState]:
    """Give states by the names that systemd itself has for units."""
    return {state.unit: state for state in states.values()}


def _plan_step(
    unit: str, states: Mapping[str, UnitState], paused: Container[str], earlier: Iterable[Step]
) -> Step:
    skip = _reason_to_skip(states[unit], paused)
    if skip:
        return Step(unit, states[unit], skip)
    along = taken_along(unit, states)
    managed = next((name for name in along if states[name].managed), "")
    if managed:
        why = f"systemd would restart {managed} along with it: {states[managed].managed}"
        return Step(unit, states[unit], why)
    along_with = next((step.unit for step in earlier if unit in step.along), "")
    return Step(unit, states[unit], along=along, along_with=along_with)


def taken_along(unit: str, states: Mapping[str, UnitState]) -> tuple[str, ...]:
    """Name the running units that systemd restarts when it restarts this one, however far that goes."""
    return tuple(name for name in _goes_along(unit, states) if states[name].is_active)


def _goes_along(unit: str, states: Mapping[str, UnitState]) -> list[str]:
    found = [unit]
    for each in found:
        found += [name for name in states[each].takes_along if name in states and name not in found]
    return found[1:]


def _reason_to_skip(state: UnitState, paused: Container[str]) -> str:
    if not state.is_known:
        return "there is no such unit on this host"
    if state.unit in paused:
        return "it is paused: resume_services brings it back"
    if state.is_masked:
        return "it is masked: somebody decided that it must not start"
    if state.is_stopped:
        return f"it is not running: it is {state}"
    return state.refusal


def find_fault(before: UnitState, after: UnitState) -> str:
    """Say what is wrong after a restart; an empty text where the unit runs anew, with the installed program."""
    if not after.is_active:
        return f"after the restart it is {after}, expected active"
    if after.invocation_id == before.invocation_id:
        return "systemd reports success, but its invocation id has not changed: it was not restarted"
    if after.program and after.program.replaced:
        return f"it runs a program other than the installed {after.program.path}"
    return ""


@dataclass(frozen=True)
class Patience:
    """How long a unit may take to become active, and how long one that cannot tell is watched; seconds."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    timeout: float
    watch: float


def carry_out(
    plan: RestartPlan,
    systemd: Systemd,
    done: Callable[[UnitState], None],
    patience: Patience,
    restart: Callable[[str], str] | None = None,
) -> tuple[Result, ...]:
    """Restart unit by unit, tell *done* of each that came back, and leave all others alone after one that did not.

    *restart* restarts a unit and gives systemd's complaint, where it takes more than to tell systemd.
    """
    restart = restart or systemd.restart
    results = []
    failed = False
    for step, expected in zip(plan.steps, plan.foresee()):
        if step.skip:
            results.append(expected)
        elif failed:
            results.append(
                replace(expected, result=NOT_REACHED, why="an earlier unit failed; it still runs as before")
            )
        else:
            result, after = _deal_with(step, systemd, patience, restart)
            results.append(result)
            failed = result.result == FAILED
            if result.result == RESTARTED:
                done(after)
    return tuple(results)


def _deal_with(
    step: Step, systemd: Systemd, patience: Patience, restart: Callable[[str], str]
) -> tuple[Result, UnitState]:
    """Restart a unit, unless since the plan was made it was started anew, or has ended."""
    now = wait_until_settled(step.unit, systemd, patience)
    skip = _reason_to_skip(replace(now, unfinished=not step.before.is_active), ())
    if skip:
        return replace(step.foresee(), result=SKIPPED, why=skip), now
    is_done = not find_fault(step.before, now)
    complaint = "" if is_done else restart(step.unit)
    fault, after = (complaint, now) if complaint else _verify(step, systemd, patience)
    fault = fault or _fault_along(step, systemd, patience)
    meanwhile = step.foresee().why or "it was started again in the meantime"
    why = fault or (meanwhile if is_done else "")
    return replace(step.foresee(), result=FAILED if fault else RESTARTED, why=why), after


def _verify(step: Step, systemd: Systemd, patience: Patience) -> tuple[str, UnitState]:
    after = wait_until_settled(step.unit, systemd, patience)
    fault = find_fault(step.before, after)
    if fault or after.tells_when_ready:
        return fault, after
    later = _wait_while(
        lambda state: _is_same_run(after, state), step.unit, systemd, patience, patience.watch
    )
    return (
        "" if _is_same_run(after, later) else f"it did not stay up: shortly after the restart it is {later}"
    ), later


def _fault_along(step: Step, systemd: Systemd, patience: Patience) -> str:
    for unit in step.along:
        state = wait_until_settled(unit, systemd, patience)
        if not state.is_active:
            return f"it is running, but {unit}, which systemd restarts along with it, is {state}, expected active"
    return ""


def wait_until_settled(unit: str, systemd: Systemd, patience: Patience) -> UnitState:
    """Wait until a unit is no longer on its way, and systemd has no job for it, or the time is over."""
    return _wait_while(
        lambda state: state.in_transition or state.has_job, unit, systemd, patience, patience.timeout
    )


def _is_same_run(one: UnitState, other: UnitState) -> bool:
    return other.is_active and other.invocation_id == one.invocation_id


def _wait_while(
    is_so: Callable[[UnitState], bool], unit: str, systemd: Systemd, patience: Patience, seconds: float
) -> UnitState:
    """Look at a unit until it is no longer so, or the time is over."""
    deadline = patience.clock() + seconds
    state = systemd.show([unit])[unit]
    while is_so(state) and patience.clock() < deadline:
        patience.sleep(_POLL_SECONDS)
        state = systemd.show([unit])[unit]
    return state


def describe_failure(results: Sequence[Result], host: str) -> str:
    """Put a failure into a sentence: which unit, what was found, what was left alone, what to do."""
    failed = next((result for result in results if result.result == FAILED), None)
    if failed is None:
        return ""
    complaint = failed.why.splitlines()[0].rstrip(".")
    left = [result.unit for result in results if result.result == NOT_REACHED]
    rest = f" Not restarted because of that, and still running: {', '.join(left)}." if left else ""
    return (
        f"{failed.unit} on {host} did not come back from its restart: {complaint}."
        f"{rest} See journalctl -u {failed.unit}; once it is healthy, run this again."
    )


def summarise(results: Sequence[Result]) -> dict[str, Any]:
    """Put results into plain data."""
    return {
        "units": [result.as_dict() for result in results],
        "restarted": [result.unit for result in results if result.result in (RESTARTED, WOULD_RESTART)],
        "left_alone": [result.unit for result in results if result.result == SKIPPED],
    }


def as_diff(plan: RestartPlan) -> dict[str, Any]:
    """Show a plan as a difference: what runs now, and what will."""
    before = "".join(f"{step.unit} {step.before.invocation_id}\n" for step in plan.to_restart)
    after = "".join(f"{step.unit} restarted\n" for step in plan.to_restart)
    return {"before_header": "units", "after_header": "units", "before": before, "after": after}
