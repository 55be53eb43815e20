"""The barrier that TripleO has and a plan has not: all services of a host end a step before any begins the next.

Its task lists may count on that: all services stop in one step, and one of them upgrades all packages in a later one.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from .._common.graph import closure
from .._common.text import listed, natural
from .._service.catalogue import variable
from .._service.steps import ORDERLY

if TYPE_CHECKING:
    from .plan import Plan

_SHOWN = 10


def lost_barriers(plan: Plan) -> str:
    """Say which services of TripleO's dialects share a host in no given order; nothing where there are none."""
    names = _unordered(plan)
    if not names:
        return ""
    return (
        f"Written for TripleO, on the same hosts, in no order: {listed(names, _SHOWN)}. TripleO ends a step of all "
        "services of a host before any begins the next; here each goes through steps 2 to 5 before another begins. "
        f"Where that matters, say what comes first, as in {variable(names[-1], 'after')}: [{names[0]}]."
    )


def _unordered(plan: Plan) -> list[str]:
    """Name those that share a host with another one, and neither comes after the other."""
    theirs = {
        name: service
        for name, service in plan.services.items()
        if service.dialect != ORDERLY and service.changes
    }
    befores = {name: service.befores for name, service in plan.services.items()}
    before = {name: closure(befores, name) for name in theirs}
    pairs = (
        pair
        for pair in combinations(theirs, 2)
        if not set(theirs[pair[0]].hosts).isdisjoint(theirs[pair[1]].hosts)
        if pair[0] not in before[pair[1]] and pair[1] not in before[pair[0]]
    )
    return sorted({name for pair in pairs for name in pair}, key=natural)
