"""What to do about hosts that were left behind, and that come later in the plan than what a run begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.names import pattern
from .._common.shell import extra
from .._common.text import listed, natural
from .._lock.lock import PAUSE, how_to_force
from .._lock.request import Why
from .._service.steps import CHANGE
from .gate import undone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._lock.lock import Slot
    from .._lock.manager import RefusedError
    from .._plan.plan import Plan, Play
    from .journal import Progress


def refusal(plan: Plan, play: Play, progress: Progress, refused: RefusedError) -> str | None:
    """Say how the hosts for which a play's slots were refused are taken before it.

    None where that is no way out: something else was in the way, or the plan does not change them after this play.
    Then a run that includes them comes to them by itself.
    """
    slots = refused.slots if refused.why in (Why.FAILED_BEFORE, Why.BUDGET_SPENT) else ()
    later = plan.plays[plan.plays.index(play) + 1 :]
    if not slots or not all(_comes_later(slot, plan, later, progress) for slot in slots):
        return None
    hosts = sorted({slot.holder.host for slot in slots}, key=natural)
    services = sorted({slot.service for slot in slots}, key=natural)
    return (
        f"{play.title} is refused; nothing in it was touched: an earlier run did not finish {listed(services)} on "
        f"{listed(hosts)}, and until that is done no other host is disrupted. In the plan that comes after this, so "
        f"it has to be asked for: run the same command with --limit {pattern(hosts)} "
        f"{extra('upgrade_only', ','.join(services))} added, then again without. Or, where the service is healthy "
        f"again, give the slot back: {how_to_force(slots)}."
    )


def _comes_later(slot: Slot, plan: Plan, plays: Sequence[Play], progress: Progress) -> bool:
    """Tell whether one of these plays changes the host of a slot, and could do so now."""
    host, service = slot.holder.host, slot.service
    return slot.holder.operation != PAUSE and any(
        host in play.services.get(service, ())
        and host not in progress.done_on(play.part(service))
        and not any(pair for need in play.needs for pair in undone(plan, need, progress))
        for play in plays
        if play.kind == CHANGE
    )
