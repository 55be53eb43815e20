"""Check what hosts logged about their own disruptions: was a budget ever exceeded, did tokens go back?

Usage: python tests/history/check.py [--settled] --budget SERVICE=NUMBER [--budget …] LOG [LOG …]

The logs are those that ``record.py`` wrote on the hosts, one or several in a file, in any order. A host counts as down
from the start of a disruption to its end; one that never ended, because host or controller died, lasts until a later
one on that host has ended. ``--settled`` asks besides that every disruption has come to its end. The exit status is 1
if one of these rules was broken, 2 if the logs or budgets make no sense.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

NEVER = sys.maxsize


class HistoryError(ValueError):
    """A log that cannot be judged: which line, and why."""


@dataclass(frozen=True)
class Event:
    """One line of a host's log."""

    host: str
    what: str
    service: str
    token: int
    at: int  # ns of the kernel's monotonic clock
    boot: str


@dataclass(frozen=True)
class Disruption:
    """A host was down for one service."""

    service: str
    host: str
    token: int
    start: int
    end: int

    def __str__(self) -> str:
        """Say it for a person; times are seconds of the monotonic clock."""
        until = "never ended" if self.end == NEVER else f"to {self.end / 1e9:.3f}"
        return f"{self.host} (token {self.token}, {self.start / 1e9:.3f} {until})"


def read_events(lines: Iterable[str]) -> list[Event]:
    """Read the lines of any number of logs; raises :class:`HistoryError`."""
    events = []
    for line in filter(str.strip, lines):
        try:
            host, what, service, token, at, boot = line.split()
            events.append(Event(host, what, service, int(token), int(at), boot))
        except ValueError:
            raise HistoryError(f"not a line of a history: {line!r}") from None
        if what not in ("start", "end"):
            raise HistoryError(f"neither start nor end: {line!r}")
    return sorted(events, key=lambda event: event.at)


def disruptions(events: Iterable[Event]) -> list[Disruption]:
    """Pair starts and ends; a start without an end of its own lasts until a later disruption there has ended."""
    by_host: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        by_host.setdefault((event.service, event.host), []).append(event)
    return sorted(chain.from_iterable(map(_of_one_host, by_host.values())), key=lambda each: each.start)


def _of_one_host(events: Sequence[Event]) -> Iterator[Disruption]:
    pairs: dict[int, int] = {}  # by position in the log
    for position, event in enumerate(events):
        if event.what == "end":
            begun = [
                earlier
                for earlier, start in enumerate(events[:position])
                if (start.what, start.token, start.boot) == ("start", event.token, event.boot)
                and earlier not in pairs
            ]
            if not begun:
                raise HistoryError(
                    f"{event.host} ended a disruption of {event.service} that it never began"
                    f" (token {event.token}, at {event.at / 1e9:.3f})"
                )
            pairs[begun[-1]] = position
    for position, event in enumerate(events):
        if event.what == "start":
            later = [end for start, end in pairs.items() if end > position and start > position]
            ended = pairs.get(position) or min(later, default=None)
            yield Disruption(
                event.service, event.host, event.token, event.at, events[ended].at if ended else NEVER
            )


def most_at_once(history: Iterable[Disruption]) -> list[Disruption]:
    """Give the disruptions of different hosts that went on at the same time, where they were the most."""
    most: list[Disruption] = []
    running: dict[str, Disruption] = {}
    for each in sorted(history, key=lambda one: one.start):
        running = {host: other for host, other in running.items() if other.end > each.start}
        same = running.get(each.host, each)  # work that outlived its controller may go on beside it
        running[each.host] = max(each, same, key=lambda one: one.end)
        most = max(most, list(running.values()), key=len)
    return most


def went_back(history: Sequence[Disruption], budget: int) -> Iterator[str]:
    """Name disruptions whose token is older than one seen before: on the host, and with one slot anywhere."""
    highest: dict[str, Disruption] = {}
    for each in history:
        scope = each.host if budget > 1 else ""
        before = highest.get(scope)
        if before and each.token < before.token:
            yield f"{each} began after {before}: its slot was somebody else's by then"
        if not before or each.token > before.token:
            highest[scope] = each


def judge(
    events: Iterable[Event], budgets: Mapping[str, int], *, settled: bool = False
) -> tuple[list[str], list[str]]:
    """Judge a history: what it was, a line for each service, and which rules were broken."""
    by_service: dict[str, list[Disruption]] = {}
    for each in disruptions(events):
        by_service.setdefault(each.service, []).append(each)
    if strangers := sorted(by_service.keys() - budgets.keys()):
        raise HistoryError(f"no budget is given for {', '.join(strangers)}")
    words, broken = [], []
    for service, history in sorted(by_service.items()):
        most, budget = most_at_once(history), budgets[service]
        hosts = len({each.host for each in history})
        words.append(
            f"{service}: {len(history)} disruptions of {hosts} hosts, {len(most)} at once, budget {budget}"
        )
        if len(most) > budget:
            broken.append(f"{service}: {len(most)} hosts were down at once: {', '.join(map(str, most))}")
        broken += [f"{service}: {back}" for back in went_back(history, budget)]
        if settled:
            broken += [f"{service}: {each}" for each in history if each.end == NEVER]
    return words or ["no disruption was logged"], broken


def _budget(text: str) -> tuple[str, int]:
    service, _equals, number = text.partition("=")
    return service, int(number)


def main(arguments: Sequence[str]) -> int:
    """Check the logs that are named."""
    parser = argparse.ArgumentParser(prog="check.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", action="append", type=_budget, required=True, metavar="SERVICE=NUMBER")
    parser.add_argument("--settled", action="store_true", help="every disruption must have ended")
    parser.add_argument("logs", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    lines = chain.from_iterable(log.read_text(encoding="utf-8").splitlines() for log in options.logs)
    try:
        words, broken = judge(read_events(lines), dict(options.budget), settled=options.settled)
    except HistoryError as exc:
        print(exc, file=sys.stderr)
        return 2
    print("\n".join([*words, *(f"BROKEN {rule}" for rule in broken)]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
