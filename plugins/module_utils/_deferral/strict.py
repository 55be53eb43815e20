# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict mode: systemd refuses to stop or restart a unit by hand, until we lift that or its time is over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Mapping

from .._host.errors import HostError
from .verdict import blocked_by

if TYPE_CHECKING:
    from typing import Container, Iterable

    from .._host.systemd import UnitState
    from .policy import Policy

PROPAGATION = ("PartOf", "Requires", "BindsTo")
"""What names the units whose restart carries on to a unit, whatever that unit refuses."""

_CAN_BE_RESTARTED = re.compile(r"\.(service|socket)$")
_TEXT = """\
# Strict mode of {unit}: "systemctl restart" and "stop" are refused.
# Set by: {set_by}
# Lifts by itself after: {lift_after} seconds (see systemctl list-timers {timer})
# To restart it: ansible HOST -m orderly.services.restart_services -a units={unit}
# To lift it: rm "{path}" && systemctl daemon-reload
[Unit]
RefuseManualStop=yes
"""
_HEAD = re.compile(
    r"^# Strict mode of (?P<unit>\S+): .*\n# Set by: (?P<set_by>.*)\n# Lifts by itself after: (?P<lift_after>\d{1,9}) "
)


@dataclass(frozen=True)
class Strict:
    """A unit in strict mode: who set it, and after how many seconds it lifts by itself."""

    unit: str
    set_by: str
    lift_after: int

    @property
    def timer(self) -> str:
        """Name the timer that lifts it."""
        name = re.sub(r"\.service$", "", self.unit)
        return (
            "orderly-lift-strict-" + re.sub(r"[@.]", lambda sign: f"\\x{ord(sign[0]):02x}", name) + ".timer"
        )

    def render(self, path: str) -> str:
        """Write the drop-in: what it does, who wanted it, and how to get rid of it."""
        return _TEXT.format(
            unit=self.unit, set_by=self.set_by, lift_after=self.lift_after, timer=self.timer, path=path
        )


def parse_strict(text: str) -> Strict | None:
    """Read a drop-in of ours; None where it is not."""
    head = _HEAD.match(text)
    return Strict(head["unit"], head["set_by"], int(head["lift_after"])) if head else None


def check_strict(
    units: Iterable[str],
    states: Mapping[str, UnitState],
    policies: Iterable[Policy],
    cluster: Container[str],
    held: Container[str] = (),
) -> None:
    """Raise where strict mode would break something: the cluster manager, or packages that are not on hold."""
    policies = tuple(policies)
    for unit in units:
        state = states[unit]
        if not state.is_known:
            raise HostError(f"There is no unit {unit} on this host.", unit=unit)
        if any(name in cluster for name in state.names or (unit,)):
            raise HostError(
                f"{unit} is a resource of pacemaker, which must be able to stop it: strict mode would make the cluster "
                "fence this host. Leave it out; pacemaker restarts only what it is told to.",
                unit=unit,
            )
        unblocked = [a for a in ("stop", "restart") if not blocked_by(policies, a, state.names or (unit,))]
        if unblocked and unit not in held:
            raise HostError(
                f"No policy blocks {' and '.join(unblocked)} of {unit}, so packages would try it, be refused by strict "
                "mode, and fail. Turn automatic restarts off first (defer_restarts, or restart_policy).",
                unit=unit,
            )


def find_detours(units: Iterable[str], properties: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say which other units would still carry their own restart on to a unit in strict mode."""
    sentences = []
    for unit in units:
        for relation in PROPAGATION:
            others = properties[unit].get(relation, "").split()
            named = [other for other in others if _CAN_BE_RESTARTED.search(other)]
            if named:
                sentences.append(
                    f"Strict mode cannot keep {unit} from being restarted along with {', '.join(named)} "
                    f"({relation}=)."
                )
    return sentences


@dataclass(frozen=True)
class StrictPlan:
    """What is in strict mode now and afterwards; what is set also where it was, so that its time begins anew."""

    before: Mapping[str, Strict]
    after: Mapping[str, Strict]
    set: tuple[Strict, ...] = ()
    lift: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is more than begun anew."""
        return self.before != self.after

    def diff(self) -> dict[str, str]:
        """Show it as a difference."""
        texts = (
            "".join(f"{unit} is strict\n" for unit in sorted(each)) for each in (self.before, self.after)
        )
        return {
            **dict(zip(("before", "after"), texts)),
            "before_header": "strict mode",
            "after_header": "strict mode",
        }


def plan_strict(
    before: Mapping[str, Strict], units: Iterable[str], *, present: bool, set_by: str, lift_after: int
) -> StrictPlan:
    """Plan to set units into strict mode, or to lift it for them, and where none is named for all."""
    if not present:
        lift = tuple(units) or tuple(before)
        return StrictPlan(before, {unit: before[unit] for unit in before if unit not in lift}, lift=lift)
    if not 10 <= lift_after <= 366 * 86400:
        raise HostError(
            f"lift_after is {lift_after}; expected 10 seconds to a year: strict mode that is never lifted outlives "
            "whoever knows why it is there."
        )
    wanted = tuple(Strict(unit, " ".join(set_by.split()), lift_after) for unit in units)
    return StrictPlan(before, {**before, **{strict.unit: strict for strict in wanted}}, set=wanted)
