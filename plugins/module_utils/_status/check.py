# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a host as Nagios and Icinga understand it: an exit status, a line, figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping

from .metrics import timestamp

if TYPE_CHECKING:
    from typing import Sequence

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_SEVERITY = (OK, UNKNOWN, WARNING, CRITICAL)
_SECONDS = 3600
OF_SERVICES = ("without_service", "absent_services", "umbrellas", "down")
"""What can be told where it was noted which services the host has."""
COUNTED = ("pending", *OF_SERVICES, "drained", "paused", "on_hold", "trouble")


@dataclass(frozen=True)
class Thresholds:
    """From how many hours of waiting on a restart is worth a warning, and from how many on it is critical."""

    warning: float = 0
    critical: float = 168

    def judge(self, hours: float) -> int:
        """Judge how long a restart has been waiting."""
        return CRITICAL if hours >= self.critical else WARNING if hours >= self.warning else OK


@dataclass(frozen=True)
class Verdict:
    """What the check answers."""

    code: int
    sentences: tuple[str, ...]
    figures: tuple[str, ...] = ()

    def render(self) -> str:
        """Write the line; what would end it, or begin the figures, is made harmless."""
        text = f"{_WORDS[self.code]}: {' '.join(map(_harmless, self.sentences))}"
        return f"{text} | {' '.join(self.figures)}" if self.figures else text


def unknown(reason: str) -> Verdict:
    """Say why nothing can be told."""
    return Verdict(UNKNOWN, (reason,))


def judge(report: Mapping[str, Any], now: float, thresholds: Thresholds) -> Verdict:
    """Judge a host by its services that are down, by what waits longest, and by its trouble."""
    unsure = [entry for entry in report["pending"] if _is_unsure(entry, report)]
    sure = [entry for entry in report["pending"] if entry not in unsure]
    ages = [max(0.0, now - timestamp(entry["since"])) for entry in sure]
    codes = [thresholds.judge(age / _SECONDS) for age in ages]
    is_stopped = report["not_checked"].get("stopped")
    codes += (
        [UNKNOWN] * bool(unsure or is_stopped)
        + [WARNING] * any(report[what] for what in ("trouble", "absent_services", "umbrellas"))
        + [CRITICAL] * bool(report["down"])
    )
    sentences = [
        *([_down(report["down"])] if report["down"] else []),
        _pending(sure, max(ages)) if sure else "No restart is pending.",
        *([_unsure(unsure, report)] if unsure else []),
        *([] if report["auto_restarts"] else ["Automatic restarts are off."]),
        *([f"Whether units that do not run are paused was not checked: {is_stopped}."] if is_stopped else []),
        *map(_drained, report["drained"]),
        *([_without_service(report["without_service"])] if report["without_service"] else []),
        *(entry["says"] for entry in (*report["absent_services"], *report["umbrellas"])),
        *report["trouble"],
    ]
    return Verdict(
        max(codes, key=_SEVERITY.index, default=OK), tuple(sentences), _figures(report, ages, thresholds)
    )


def _is_unsure(entry: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    return entry["action"] == "reload" and "reloads" in report["not_checked"]


def _down(entries: Sequence[Mapping[str, Any]]) -> str:
    return f"Down: {', '.join('{unit} is {says}'.format(**each) for each in entries)}."


def _drained(entry: Mapping[str, Any]) -> str:
    return (
        f"{entry['service']} is drained since {entry['since']} (operation {entry['operation'] or 'unknown'})."
    )


def _without_service(units: Sequence[str]) -> str:
    return f"No service has {', '.join(units)}, so no roll restarts {'it' if len(units) == 1 else 'them'}."


def _pending(entries: Sequence[Mapping[str, Any]], oldest: float) -> str:
    units = ", ".join(entry["unit"] for entry in entries)
    count = f"{len(entries)} restart{' is' if len(entries) == 1 else 's are'} pending"
    return f"{count}, for up to {oldest / _SECONDS:.1f} hours: {units}."


def _unsure(entries: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> str:
    units = ", ".join(entry["unit"] for entry in entries)
    return f"Whether {units} has reloaded was not checked: {report['not_checked']['reloads']}."


def _figures(report: Mapping[str, Any], ages: Sequence[float], thresholds: Thresholds) -> tuple[str, ...]:
    limits = f"{thresholds.warning * _SECONDS:.0f};{thresholds.critical * _SECONDS:.0f};0"
    counts = [key for key in COUNTED if key not in report["not_checked"]]
    if not report["services"]:  # then nobody knows what should run
        counts = [key for key in counts if key not in OF_SERVICES]
    return (
        f"oldest={max(ages, default=0):.0f}s;{limits}",
        *(f"{key}={len(report[key])};;;0" for key in counts),
    )


def _harmless(text: str) -> str:
    return "".join(
        "/" if character == "|" else character if character.isprintable() else "?" for character in text
    )
