"""What a package did, compared with what the product promises: decisions alone, from what on_host.py has seen.

A listed unit that was restarted while packages were upgraded is a surprise. What packages asked for is known from the
kernel, and must be on record. What they asked for of units that nobody listed must have happened. Each pending restart
is settled by one start, and none is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

ASKING = ("deb-systemd-invoke", "invoke-rc.d")
DISRUPTIVE = {"stop", "restart", "try-restart", "condrestart", "force-reload", "force-stop"}
RESTARTS = {"restart", "try-restart", "condrestart"}


@dataclass(frozen=True)
class Verdict:
    """What is said of one package on one suite."""

    package: str
    facts: dict[str, Any] = field(repr=False)

    @property
    def trouble(self) -> str:
        """Why nothing can be said."""
        return str(self.facts.get("trouble") or self.facts.get("failure") or "")

    @cached_property
    def listed(self) -> set[str]:
        return set(self.facts.get("listed", ()))

    @cached_property
    def ran(self) -> dict[str, str]:
        return dict(self.facts["at"]["running"]) if "at" in self.facts else {}

    @cached_property
    def after(self) -> dict[str, str]:
        return dict(self.facts["after"]["running"]) if "after" in self.facts else {}

    @property
    def versions(self) -> str:
        """The version before and after of the package that was named."""
        before = self.facts.get("versions", {}).get(self.package, "?")
        after = self.facts.get("versions_after", {}).get(self.package, "?")
        return f"{before} → {after}" if not after.endswith("+again1") else f"{before}, repacked"

    def calls(self, actions: set[str], *, asking: bool) -> dict[str, set[str]]:
        """Give the actions by unit that were asked for by packages, or done without asking."""
        found: dict[str, set[str]] = {}
        for call in self.facts.get("asked", ()):
            if call["action"] in actions and (call["program"] in ASKING) == asking:
                for unit in call["units"]:
                    found.setdefault(unit, set()).add(call["action"])
        return found

    @cached_property
    def asked(self) -> set[str]:
        """The listed units that run and that a package asked to stop or restart."""
        return set(self.calls(DISRUPTIVE, asking=True)) & self.listed & set(self.ran)

    @cached_property
    def recorded(self) -> set[str]:
        if "after" not in self.facts:
            return set()
        info = self.facts["after"]["info"]
        known = [*(info["pending"] or ()), *(info["stopped"] or ()), *(info["settled"] or ())]
        return {entry["unit"] for entry in known}

    @cached_property
    def surprised(self) -> set[str]:
        """The listed units that were started anew, or do not run any more."""
        return {unit for unit in self.listed & set(self.ran) if self.after.get(unit) != self.ran[unit]}

    @cached_property
    def told(self) -> set[str]:
        """The listed units of which the product says that they were restarted all the same."""
        return {unit for unit in self.surprised if any(unit in line for line in self.facts["after"]["trouble"])}

    @cached_property
    def unrecorded(self) -> set[str]:
        return self.asked - self.recorded - self.surprised

    @cached_property
    def unasked(self) -> set[str]:
        """What is on record though no package asked for it."""
        return self.recorded - set(self.calls(DISRUPTIVE | {"start"}, asking=True)) - {
            unit for entry in (self.facts.get("at", {}).get("info", {}).get("pending") or ()) for unit in [entry["unit"]]
        }

    @cached_property
    def lost(self) -> set[str]:
        """Units that nobody listed, that ran, and whose restart was asked for, did not happen and is not pending."""
        wanted = set(self.calls(RESTARTS, asking=True)) - self.listed
        same = {unit for unit in wanted & set(self.ran) if self.after.get(unit) == self.ran[unit]}
        return same - self.recorded

    @cached_property
    def gone(self) -> set[str]:
        """Units that nobody listed, that ran, and run no more, though they still are there."""
        wanted = set(self.calls({"start", *RESTARTS}, asking=True)) - self.listed
        return {unit for unit in wanted & set(self.ran) if unit not in self.after}

    @cached_property
    def pending(self) -> set[str]:
        return {entry["unit"] for entry in self.facts["after"]["info"]["pending"] or ()} if "after" in self.facts else set()

    @cached_property
    def settled(self) -> set[str]:
        """The pending units that were started anew by the settling."""
        now = self.facts.get("settled", {}).get("running", {})
        return {unit for unit in self.pending if now.get(unit) not in (None, self.after.get(unit))}

    @cached_property
    def twice(self) -> set[str]:
        starts = self.facts.get("settled", {}).get("starts", {})
        return {unit for unit in self.pending if starts.get(unit, 0) > 1}

    @cached_property
    def left(self) -> set[str]:
        return {entry["unit"] for entry in self.facts.get("settled", {}).get("info", {}).get("pending") or ()}

    @property
    def faults(self) -> list[str]:
        """Say what the product did wrong, in sentences without their end."""
        kinds = {
            "restarted in spite of the policy, and not told": self.surprised - self.told,
            "asked for and not recorded": self.unrecorded,
            "recorded and not asked for": self.unasked,
            "not listed, and its restart was lost": self.lost,
            "not listed, and down": self.gone,
            "pending and not restarted": self.pending - self.settled,
            "restarted twice": self.twice,
            "still pending after the restart": self.left,
        }
        return [f"{what}: {', '.join(sorted(units))}" for what, units in kinds.items() if units]

    @property
    def is_wrong(self) -> bool:
        return bool(self.faults)

    @property
    def line(self) -> str:
        """One line that tells it all."""
        seconds = f"{self.facts.get('seconds', 0):.0f} s"
        if self.trouble:
            return f"{self.package}: not played, {self.trouble.strip()[-300:]!r} ({seconds})"
        counts = f"{len(self.listed)} listed, {len(self.asked)} asked, {len(self.recorded)} recorded, {len(self.surprised)} surprised, {len(self.settled)} settled"
        return f"{self.package}: {counts} ({self.versions}, {seconds}) {'; '.join(self.faults)}"


def judge(package: str, facts: dict[str, Any]) -> Verdict:
    """Judge what was seen of a package."""
    return Verdict(package, facts)
