"""Why a request for slots is refused: the first rule that has something to say decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from .._common.names import in_brackets
from .._common.text import listed
from .._run.run import RunState
from .._service.budget import slots_of
from .assessment import Case, View
from .lock import NAMED_AT_MOST, PAUSE, Slot, how_to_force, how_to_forget, slot_names
from .request import Refused, Waiting, Why


def _abandoned(case: Case) -> Iterator[Refused]:
    if case.state_of(case.request.run) is RunState.OVER:
        yield Refused(
            Why.ABANDONED, f"The requesting run, {case.request.run}, is over: nothing is taken for it."
        )


def _runs_elsewhere(case: Case) -> Iterator[Refused]:
    request = case.request
    slots = tuple(slot for slot in case.of_this_roll if case.works_elsewhere(slot))
    if slots and not request.side_by_side:
        yield Refused(
            Why.RUNS_ELSEWHERE,
            f"Another run of roll {request.roll} is still going: {_sentence(slots)}"
            " Wait until it has ended, or stop it.",
            slots,
        )


def _failed_before(case: Case) -> Iterator[Refused]:
    request = case.request
    again = tuple(slot for slot in case.of_this_roll if slot.holder.failed and slot.holder.run == request.run)
    left = tuple(
        slot
        for slot in case.of_this_roll
        if slot.holder.host not in request.hosts and (slot.holder.failed or not case.is_at_work(slot))
    )
    spent = Counter(slot.service for slot in left)
    budgets = {service: case.locks[service].failure_budget for service in spent}
    if any(slot.holder.host in request.hosts for slot in again):
        slots = again
    elif any(spent[service] > budgets[service] for service in spent):
        slots = left
    else:
        return
    allowed = [f"{budget} in {service}" for service, budget in sorted(budgets.items()) if budget]
    may_fail = f" Its failure budget is {', '.join(allowed)}." if allowed else ""
    yield Refused(
        Why.FAILED_BEFORE,
        f"Roll {request.roll} stops here because another of its hosts did not finish: {_sentence(slots)}{may_fail}"
        " Bring it back and run again including it; or, once it is healthy, give its slot back:"
        f" {how_to_force(slots)}.",
        slots,
    )


def _members_left(case: Case) -> Iterator[Refused]:
    for view in case.views:
        lock = view.lock
        here = slots_of(lock.max_unavailable, len(view.claim.members - lock.out_of_service.keys()))
        if here != lock.slots:
            gone = sorted(view.unlisted)
            yield Refused(
                Why.MEMBERS_LEFT,
                f"This inventory lacks members of {lock.service}: {_hosts(gone)}. With them,"
                f" {lock.max_unavailable} is {lock.slots} hosts, without them {here}. Use the whole inventory,"
                f" or, if they have left for good, confirm it with forget_members={in_brackets(gone)}, or"
                f" {how_to_forget(gone)}.",
            )


def _wave_too_large(case: Case) -> Iterator[Refused]:
    for view in case.views:
        lock, slots, wave = view.lock, view.lock.slots, sorted(view.wanted)
        away = sorted(lock.members & lock.out_of_service.keys())
        without = f" of those in service, without {_hosts(away)}" if away else ""
        if len(wave) > slots and view.wanted != view.owned:
            yield Refused(
                Why.WAVE_TOO_LARGE,
                f"A wave of {len(wave)} hosts of {lock.service} ({_hosts(wave)}) is more than its budget:"
                f" {slots} of its {len(lock.members)} members may be unavailable at a time (max_unavailable:"
                f" {lock.max_unavailable}{without}). Take smaller waves (serial: {slots}; of an upgrade's plan,"
                f" --limit to {slots} of them, then the others), or raise"
                f" {lock.service}_max_unavailable.",
            )


def _domains_mixed(case: Case) -> Iterator[Refused]:
    for view in case.views:
        if len(view.domains) > 1 and view.wanted != view.owned:
            domains = view.claim.domains
            hosts = [f"{host} in {domains[host]}" for host in sorted(view.wanted & domains.keys())]
            yield Refused(
                Why.DOMAINS_MIXED,
                f"A wave of {view.lock.service} would disrupt several failure domains: {_hosts(hosts)}. Only one may be"
                " disrupted at a time: take smaller waves (serial: 1), or hosts of one orderly_failure_domain.",
            )


def _held_by_own_run(case: Case) -> Iterator[Refused]:
    request = case.request
    slots = tuple(slot for slot in case.rivals if slot.holder.run == request.run)
    slots += tuple(
        Slot(view.lock.service, holder)
        for view in case.views
        for host in sorted(view.owned)
        if not request.means(holder := view.lock.holders[host])
    )
    if slots:
        yield Refused(
            Why.HELD_BY_OWN_RUN,
            f"This run holds the host for another roll or operation: {_sentence(slots)} Release it first.",
            slots,
        )


def _out_of_turn(case: Case) -> Iterator[Refused]:
    if (before := case.asked_first) and any(view.fresh for view in case.views):
        first = before[0]
        yield Refused(
            Why.OUT_OF_TURN,
            f'This run asked for "{first.callback or first.operation}" on {_hosts(first.hosts)} first, and is served'
            " in that order. Acquire that first, or withdraw it with state=released"
            f" and hosts={in_brackets(first.hosts)}.",
        )


def _holder_unknown(case: Case) -> Iterator[Refused]:
    unknown = RunState.UNKNOWN
    slots = tuple(slot for slot in case.rivals if case.state_of(slot.holder.run) is unknown)
    for view in case.views:
        if view.overrun(RunState.OVER, unknown) and not view.overrun(RunState.OVER):
            slots += view.in_the_way(unknown)
    if slots:
        yield Refused(
            Why.HOLDER_UNKNOWN,
            f"It is unknown here whether the holder is still working: {_sentence(slots)} Check there. If its run"
            f" is over and the host is healthy, give the slot back: {how_to_force(slots)}.",
            slots,
        )


def _budget_spent(case: Case) -> Iterator[Refused]:
    spent = [view for view in case.views if view.overrun(RunState.OVER)]
    slots = tuple(slot for view in spent for slot in view.in_the_way(RunState.OVER))
    if words := list(_spenders(slots, spent)):
        services = ", ".join(view.lock.service for view in spent)
        trouble = (
            f"The disruption budget of {services} is spent by hosts that"
            if any(view.exceeds(RunState.OVER) for view in spent)
            else f"Only one failure domain of {services} may be disrupted at a time, and another one has hosts that"
        )
        yield Refused(Why.BUDGET_SPENT, f"{trouble} {' Others '.join(words)}", slots)


def _spenders(slots: Iterable[Slot], spent: Sequence[View]) -> Iterator[str]:
    """Say whose absence spends a budget, and what to do about it."""
    paused = [slot for slot in slots if slot.holder.operation == PAUSE]
    left = [slot for slot in slots if slot.holder.operation != PAUSE]
    unhealthy = sorted({host for view in spent for host in view.unhealthy})
    if left:
        yield (
            f"did not finish: {_sentence(left)} Bring them back and run again with them first; or, once they"
            f" are healthy, give the slots back: {how_to_force(left)}."
        )
    if paused:
        yield f"are paused: {_sentence(paused)} Resume them first (playbook resume_services)."
    if unhealthy:
        yield (
            f"are unhealthy: {_hosts(unhealthy)}. Roll them first, which costs no budget as they are down already,"
            " or bring them back."
        )


def _holds_and_waits(case: Case) -> Iterator[Refused]:
    # Nobody waits for hosts that are known to have failed, so whoever holds those may wait.
    mine = tuple(
        slot
        for slot in case.counting
        if slot.holder.run == case.request.run
        and not slot.holder.failed
        and not case.request.is_beside(slot.holder)
    )
    if mine and case.must_wait_for_others:
        yield Refused(
            Why.HOLDS_AND_WAITS,
            f"This run would wait while it holds slots, which can deadlock: {_sentence(mine)}"
            f" It would wait for: {Waiting({}, case.waits_for, case.positions, case.frozen).message}."
            " Ask for all services of a wave in one acquire.",
            case.waits_for,
        )


Rule = Callable[[Case], Iterator[Refused]]
REFUSALS: tuple[Rule, ...] = (
    _abandoned,
    _runs_elsewhere,
    _failed_before,
    _members_left,
    _wave_too_large,
    _domains_mixed,
    _held_by_own_run,
    _out_of_turn,
    _holder_unknown,
    _budget_spent,
    _holds_and_waits,
)

# Those that no waiting changes, so that a request for later hears them at once.
FOR_LATER: tuple[Rule, ...] = (_abandoned, _members_left, _wave_too_large, _domains_mixed)


def _hosts(names: Sequence[str]) -> str:
    return listed(names, NAMED_AT_MOST)


def _sentence(slots: Iterable[Slot]) -> str:
    return "; ".join(slot_names(slots)) + "."


def first_refusal(case: Case, rules: Iterable[Rule] = REFUSALS) -> Refused | None:
    """Find the first rule that says no."""
    return next((refusal for rule in rules for refusal in rule(case)), None)
