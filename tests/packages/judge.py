"""What a package did, compared with what the product promises: decisions alone, from what on_host.py has seen.

A listed unit that was restarted while packages were upgraded is a surprise. What packages asked for is known from the
kernel, and must be on record. What they asked for of units that nobody listed must have happened. Each pending restart
is settled by one start, and none is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKING = ("deb-systemd-invoke", "invoke-rc.d")
RESTARTS = {"restart", "try-restart", "condrestart"}
DISRUPTIVE = RESTARTS | {"stop", "force-stop", "upgrade"}
BEFORE_FILES_ARE_REPLACED = ("preinst", "prerm")
AGAIN = "+again1"  # ends the version of what was packed again


@dataclass(frozen=True)
class Verdict:
    """What is said of one package on one suite; sets are of units."""

    package: str
    facts: dict[str, Any] = field(repr=False)

    @property
    def trouble(self) -> str:
        """Why nothing can be said of the package; empty if it was played."""
        return str(self.facts.get("trouble") or self.facts.get("failure") or "").strip()

    @property
    def versions(self) -> str:
        """The versions before and after, of the package that was named or of those that the archive has newer."""
        before, after = self.facts.get("versions", {}), self.facts.get("versions_after", {})
        changed = [name for name in before if after.get(name) != before[name]]
        name = self.package if self.package in changed else next(iter(changed), self.package)
        old, new = before.get(name, "?"), after.get(name, "?")
        return ("" if name == self.package else f"{name} ") + (
            f"{old}, again" if new.endswith(AGAIN) else f"{old} → {new}"
        )

    @cached_property
    def listed(self) -> set[str]:
        """The units of the policy, all of which ran."""
        return set(self.facts["listed"]) & set(self._ran)

    @cached_property
    def asked(self) -> set[str]:
        """The listed units that a package asked to stop or restart."""
        return self._asked_to(DISRUPTIVE) & self.listed

    @cached_property
    def recorded(self) -> set[str]:
        """The units on record after the upgrade; what was settled counts if it was asked for, as others are older."""
        return self._on_record("after") | self._on_record("after", "settled") & self._asked_to(DISRUPTIVE)

    @cached_property
    def surprised(self) -> set[str]:
        """The listed units that were started anew, or do not run any more."""
        return {unit for unit in self.listed if self._now.get(unit) != self._ran[unit]}

    @cached_property
    def told(self) -> set[str]:
        """The listed units of which the product says that they were started all the same."""
        return {
            unit for unit in self.surprised if any(unit in line for line in self.facts["after"]["trouble"])
        }

    @cached_property
    def by_systemctl(self) -> set[str]:
        """What was told of that a package restarted with systemctl, which does not ask policy-rc.d."""
        calls = [call for call in self.facts["asked"] if call["program"] not in ASKING]
        return {unit for call in calls for unit in call["units"]} & self.told

    @cached_property
    def pending(self) -> set[str]:
        """What waits for its restart after the upgrade."""
        return {entry["unit"] for entry in self.facts["after"]["info"]["pending"] or ()}

    @cached_property
    def settled(self) -> set[str]:
        """The pending units that were started anew by the settling."""
        now = self.facts["settled"]["running"]
        return {unit for unit in self.pending if now.get(unit) not in (None, self._now.get(unit))}

    @cached_property
    def made_up_for(self) -> set[str]:
        """Units that nobody listed and that were restarted, as a package had asked."""
        wanted = self._asked_to(RESTARTS) & set(self._ran) - self.listed
        return {unit for unit in wanted if self._now.get(unit) not in (None, self._ran[unit])}

    @cached_property
    def stopped_early(self) -> set[str]:
        """The listed units that a package asks to stop before it replaces its files: it may want to be on hold."""
        calls = [
            call
            for call in self._calls({"stop"})
            if call["script"].partition(" ")[0].rpartition(".")[2] in BEFORE_FILES_ARE_REPLACED
        ]
        return {unit for call in calls for unit in call["units"]} & self.listed

    @cached_property
    def reloaded(self) -> set[str]:
        """The listed units that a package asked to reload, which a policy forbids only where it says so."""
        return self._asked_to({"reload"}) & self.listed

    @cached_property
    def replaced(self) -> set[str]:
        """The listed units whose program was replaced, and that still run the old one at the end."""
        return {*self.facts["settled"].get("replaced", ())} & self.listed

    @property
    def is_held(self) -> bool:
        """Whether it was on hold, as for services with ``deferral: hold``."""
        return "held" in self.facts

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all was asked of its units, so that the old program runs on."""
        return not self.is_held and not self.recorded and not self.surprised and not self.reloaded

    @property
    def faults(self) -> list[str]:
        """Say what the product did wrong: sentences without their end."""
        wanted = self._asked_to(RESTARTS) & set(self._ran) - self.listed - self.recorded
        settled = self.facts["settled"]
        kinds = {
            "restarted in spite of the policy, and not told": self.surprised - self.told,
            "asked for and not recorded": self.asked - self.recorded - self.surprised,
            "recorded and not asked for": self.recorded - self._asked_to(DISRUPTIVE | {"start"}),
            "recorded with other actions than were asked for": set(self._other_actions()),
            "recorded with another package or version": set(self._other_versions()),
            "not listed, and its restart was lost": {u for u in wanted if self._now.get(u) == self._ran[u]},
            "not listed, and down": {unit for unit in wanted if unit not in self._now},
            "pending, and not restarted": self.pending - self.settled,
            "restarted twice": {unit for unit in self.pending if settled["starts"].get(unit, 0) > 1},
            "restarted, and runs the replaced program": self.pending & self.replaced,
            "pending after its restart": self._on_record("settled", "pending"),
        }
        found = [f"{what}: {', '.join(sorted(units))}" for what, units in kinds.items() if units]
        return (
            [*found, "on hold, and upgraded all the same"]
            if self.is_held and not self.facts["held"]
            else found
        )

    @property
    def is_wrong(self) -> bool:
        """Whether it was not played, or the product did something wrong."""
        return bool(self.trouble or self.faults)

    @property
    def line(self) -> str:
        """One line that tells it all."""
        seconds = f"{self.facts.get('seconds', 0):.0f} s"
        if self.trouble:
            return f"{self.package}: not played ({seconds}): {' '.join(self.trouble.split())[-300:]}"
        numbers = [
            f"{len(getattr(self, what))} {what}"
            for what in ("listed", "asked", "recorded", "surprised", "settled")
        ]
        return f"{self.package}: {', '.join(numbers)} ({self.versions}, {seconds}) {'; '.join(self.faults)}".rstrip()

    def _other_actions(self) -> Iterator[str]:
        for entry in self.facts["after"]["info"]["pending"]:
            calls = [call for call in self._calls(DISRUPTIVE) if entry["unit"] in call["units"]]
            if calls and {*entry["actions"]} - {"start", "reload"} != {call["action"] for call in calls}:
                yield entry["unit"]

    def _other_versions(self) -> Iterator[str]:
        """Name units with a wrong version on record; a trigger knows none before."""
        before, after = (
            {name.partition(":")[0]: version for name, version in self.facts[when].items()}
            for when in ("versions", "versions_after")
        )
        for entry in self.facts["after"]["info"]["pending"]:
            calls = [call for call in self._calls(DISRUPTIVE) if entry["unit"] in call["units"]]
            triggered = bool(calls) and all(" triggered " in call["script"] for call in calls)
            old = "" if triggered else before.get(entry["package"])
            if (entry["package_before"], entry["package_now"]) != (old, after.get(entry["package"])):
                yield entry["unit"]

    @cached_property
    def _ran(self) -> dict[str, str]:
        return dict(self.facts["at"].get("running", self.facts["at"]))

    @cached_property
    def _now(self) -> dict[str, str]:
        return dict(self.facts["after"]["running"])

    def _on_record(self, when: str, *kinds: str) -> set[str]:
        info = self.facts[when]["info"]
        return {entry["unit"] for kind in kinds or ("pending", "stopped") for entry in info[kind] or ()}

    def _calls(self, actions: set[str]) -> Iterator[dict[str, Any]]:
        """Give the calls of what asks policy-rc.d."""
        return (
            call for call in self.facts["asked"] if call["action"] in actions and call["program"] in ASKING
        )

    def _asked_to(self, actions: set[str]) -> set[str]:
        return {unit for call in self._calls(actions) for unit in call["units"]}
