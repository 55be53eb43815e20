# SPDX-License-Identifier: GPL-3.0-or-later
"""How each unit of the services of a host is, before somebody relies on it: in one word, and in systemd's words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .restart import taken_along

if TYPE_CHECKING:
    from typing import Callable, Container, Iterable, Mapping

    from .._host.systemd import UnitState

UP, DOWN, STOPPED, OFF, PAUSED, MASKED = WORDS = ("up", "down", "stopped", "off", "paused", "masked")
_RUN_ON_DEMAND = ("oneshot", "dbus")
_POLL_SECONDS = 0.5
_NOT_TO_START = ("disabled", "masked", "masked-runtime")


@dataclass(frozen=True)
class Member:
    """A unit as a roll sees it.

    It is *up*; *down*, as it should run and does not; *stopped* by somebody, though it starts with the host; *off*, so
    that it does not, or that systemd passes over it (``Condition…=``); *paused*; or *masked*. *refusal* says why nobody
    can restart it by hand, *along* which running units systemd restarts along with it.
    """

    unit: str
    word: str
    says: str
    refusal: str = ""
    along: tuple[str, ...] = ()

    @property
    def is_down(self) -> bool:
        """Tell whether its service has one host less because of it."""
        return self.word in (DOWN, STOPPED)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return {**asdict(self), "along": list(self.along)}


def members(
    names: Iterable[str],
    states: Mapping[str, UnitState],
    paused: Container[str],
    steady_since: float | None = None,
) -> list[Member]:
    """Tell how units are, by the names that were asked for; those that the host does not have are left out.

    What they take along is told as far as *states* know it. A unit that cannot tell when it is ready, and was started
    after *steady_since* (seconds of the monotonic clock), is down: it has not shown yet that it stays up.
    """
    return [
        Member(name, *_how(state, paused, steady_since), state.refusal, taken_along(name, states))
        for name in names
        if (state := states[name]).is_known
    ]


def _how(state: UnitState, paused: Container[str], steady_since: float | None) -> tuple[str, str]:
    word = word_of(state, paused)
    is_new = steady_since is not None and state.active_since > steady_since
    if word == UP and is_new and state.is_active and not state.tells_when_ready:
        return DOWN, f"{state} but does not stay so (it was started a moment ago)"
    return word, str(state)


def word_of(state: UnitState, paused: Container[str]) -> str:
    """Say in a word how a unit is; one that runs when it is needed is up while it does not."""
    if state.unit in paused:
        return PAUSED
    if state.is_masked:
        return MASKED
    on_demand = state.type in _RUN_ON_DEMAND or bool(state.triggered_by)
    works = state.in_transition and state.type == "oneshot" and state.sub != "auto-restart"
    if state.is_active or works or (state.is_stopped and on_demand):
        return UP
    if not state.is_stopped:
        return DOWN
    return OFF if state.file_state in _NOT_TO_START or state.is_passed_over else STOPPED


def look_until_well(
    look: Callable[[], list[Member]],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    seconds: float,
) -> list[Member]:
    """Look at units until none of them is down, or the time is over."""
    deadline = clock() + seconds
    found = look()
    while any(each.word == DOWN for each in found) and clock() < deadline:
        sleep(_POLL_SECONDS)
        found = look()
    return found


def describe_down(found: Iterable[Member], host: str) -> str:
    """Put what is down into a sentence; an empty text where nothing is."""
    down = [each for each in found if each.word == DOWN]
    if not down:
        return ""
    named = ", ".join(f"{each.unit} is {each.says}" for each in down)
    return f"{host} is not well: {named}, expected active. See journalctl -u {down[0].unit}."
