"""Judge what hosts did in a campaign of many runs, of which some were killed: a pure function over one log of all.

A line is ``SERVICE HOST STEP``, in the order in which it happened; ``killed HOST RUN`` says that a run about the host
was killed. A host is down for a service from its step ``stop`` until its step ``start`` was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

KILLED = "killed"
CHANGE = ("stop", "install", "start")
STEPS = ("look", *CHANGE, "check", "finalize")
AGAIN = "verify"  # what is looked at as often as somebody wants to know


def part_of(step: str) -> str:
    """Name what is recorded at once: the steps of a change are one part."""
    return "change" if step in CHANGE else step


def judge(
    log: Iterable[str], members: Mapping[str, Sequence[str]], budgets: Mapping[str, int]
) -> Iterator[str]:
    """Name the rules that were broken: a budget exceeded, work done twice, a host forgotten."""
    down: dict[str, list[str]] = {name: [] for name in members}
    settled: dict[tuple[str, str], list[str]] = {}  # steps that must not come again
    last: dict[tuple[str, str], str] = {}  # the part that a killed run may have left without a record
    ever = set()
    for service, host, step in map(str.split, log):
        if service == KILLED:
            for where in ((name, host) for name in members if (name, host) in last):
                settled[where] = [each for each in settled[where] if part_of(each) != last[where]]
            continue
        if step == AGAIN:
            continue
        if step in settled.setdefault((service, host), []):
            yield f"{service} {host}: {step} was done twice, and no killed run had left it open"
        settled[service, host].append(step)
        last[service, host] = part_of(step)
        ever.add((service, host, step))
        if step == "stop" and host not in down[service]:
            down[service].append(host)
            if len(down[service]) > budgets[service]:
                names = ", ".join(down[service])
                yield f"{service}: {names} were down at once, and the budget is {budgets[service]}"
        if step == "start" and host in down[service]:
            down[service].remove(host)
    for name, hosts in members.items():
        for host in hosts:
            if missing := [step for step in STEPS if (name, host, step) not in ever]:
                yield f"{name} {host} was forgotten: {', '.join(missing)}"
