"""Judge what hosts did in a campaign of many runs, of which some were killed: a pure function over one log of all.

A line is ``SERVICE HOST STEP``, in the order in which it happened; ``killed HOST RUN`` says that a run about the host
was killed. A host is down for a service from its step ``stop`` until its step ``start`` was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

KILLED = "killed"
CHANGE = ("stop", "install", "start")
STEPS = ("look", *CHANGE, "check", "finalize")
AGAIN = "verify"  # what is looked at as often as somebody wants to know


class Line(NamedTuple):
    """One line of the log."""

    service: str
    host: str
    step: str


def part_of(step: str) -> str:
    """Name what is recorded at once: the steps of a change are one part."""
    return "change" if step in CHANGE else step


def judge(log: Iterable[str], members: Mapping[str, Sequence[str]], budgets: Mapping[str, int]) -> list[str]:
    """Name the rules that were broken: a budget exceeded, work done twice, a host forgotten."""
    lines = [Line(*line.split()) for line in log]
    return [*too_many(lines, budgets), *twice(lines, members), *forgotten(lines, members)]


def too_many(lines: Iterable[Line], budgets: Mapping[str, int]) -> Iterator[str]:
    """Name hosts that went down although the budget of their service was used up."""
    down: dict[str, list[str]] = {name: [] for name in budgets}
    for service, host, step in lines:
        if step == "start" and host in down.get(service, ()):
            down[service].remove(host)
        if step == "stop" and host not in down[service]:
            down[service].append(host)
            if len(down[service]) > budgets[service]:
                names = ", ".join(down[service])
                yield f"{service}: {names} were down at once, and the budget is {budgets[service]}"


def twice(lines: Iterable[Line], services: Iterable[str]) -> Iterator[str]:
    """Name what was done again, but for the part that a killed run may have left without a record."""
    settled: dict[tuple[str, str], list[str]] = {}
    last: dict[tuple[str, str], str] = {}
    for service, host, step in lines:
        if service == KILLED:
            for where in [(name, host) for name in services if (name, host) in last]:
                settled[where] = [each for each in settled[where] if part_of(each) != last[where]]
        elif step != AGAIN:
            if step in settled.setdefault((service, host), []):
                yield f"{service} {host}: {step} was done twice, and no killed run had left it open"
            settled[service, host].append(step)
            last[service, host] = part_of(step)


def forgotten(lines: Iterable[Line], members: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Name hosts to which something was never done."""
    done = set(lines)
    for name, hosts in members.items():
        for host in hosts:
            if missing := [step for step in STEPS if (name, host, step) not in done]:
                yield f"{name} {host} was forgotten: {', '.join(missing)}"
