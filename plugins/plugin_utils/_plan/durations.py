"""How long plays of a plan will take, by how long their parts took the last time. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from .._common.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .plan import Play


def estimate(plays: Iterable[Play], seconds: Mapping[str, float]) -> str:
    """Say about how long *plays* take one after the other; empty where nothing is known of any.

    *seconds* gives how long parts (``SERVICE/PART``) took. Services that share a play work side by side.
    """
    plays = tuple(plays)
    known = by_play(plays, seconds)
    if not known:
        return ""
    unknown = len(plays) - len(known)
    rest = f", plus {unknown} never done before" if unknown else ""
    return f"about {_minutes(sum(known.values()))}, going by last time{rest}"


def by_play(plays: Iterable[Play], seconds: Mapping[str, float]) -> dict[str, float]:
    """Give the seconds that each play takes, by its id; those of which some part is not known have none."""
    known = {play.id: [seconds.get(play.part(name)) for name in play.services] for play in plays}
    return {
        play: max(each for each in parts if each is not None)
        for play, parts in known.items()
        if None not in parts
    }


def _minutes(seconds: float) -> str:
    return plural(max(round(seconds / 60), 1), "minute")


TIMES = (
    "orderly_step_times"  # the fact of a host: by service, when its steps began, in seconds since the epoch
)
END = "end"  # what the moment is called at which the last step ends, or, with its number, one of them


def step_seconds(noted: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Give the seconds that each step took on the slowest host; *noted* is what each host noted of one service.

    A host that did not come to the end tells nothing of the step it was in.
    """
    seconds: dict[str, float] = {}
    for times in noted:
        moments = sorted((time, step) for step, time in times.items())
        for (begin, step), (end, _next) in pairwise(moments):
            if step.startswith(END):  # then other services had their turn
                continue
            seconds[step] = max(seconds.get(step, 0.0), round(end - begin, 1))
    return seconds
