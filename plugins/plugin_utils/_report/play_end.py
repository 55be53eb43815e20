"""How a playbook that does its work host by host has ended, in one line: how far it came, and where not."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .._common.text import listed, plural, printable, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Ending(NamedTuple):
    """What such a playbook does: the fact in which a host that is done lists to what, and the words for that.

    *without* is the fact in which it lists what that could not be done to, with words for it too.
    """

    fact: str
    each: str = ""
    words: str = ""
    without: str = ""
    why: str = ""


ENDINGS: Mapping[str, Ending] = {
    "allow_restarts": Ending("__deferral_done", "restart", "{} still pending"),
    "defer_restarts": Ending(
        "__deferral_done",
        "service",
        "restarts of {} are off",
        "__deferral_absent",
        "NOT deferred, as these hosts have no unit of that name",
    ),
    "dismiss_restarts": Ending("__dismissed", "unit", "restarts of {} dismissed"),
    "move_store": Ending("__rolling_op_done"),
    "pause_services": Ending("__pause_done", "unit", "{} paused"),
    "recover": Ending("__rolling_op_done"),
    "resume_services": Ending("__pause_done", "unit", "{} running again"),
}


def end_line(
    playbook: str,
    hosts: Collection[str],
    facts: Mapping[str, Any],
    *,
    without: Mapping[str, Any] = MappingProxyType({}),
    check: bool = False,
) -> str:
    """Say it, from what the hosts have listed; one that says ``False`` had nothing to do, and one of no word failed."""
    alone = [host for host, listing in facts.items() if listing is False]
    failed = [host for host in hosts if host not in facts]
    where = f"on {len(facts) - len(alone)} of {plural(len(hosts) - len(alone), 'host')}"
    done = f"done {where}{_count(ENDINGS[playbook], facts)}."
    if check:
        done = f"nothing was done, as this is a check; it went through {where}."
    left = f" Left alone, as no service runs there: {listed(shortened(alone))}." if alone else ""
    rest = f" Not done: {listed(shortened(failed))}." if failed else ""
    return f"{playbook}: {done}{_without(ENDINGS[playbook], without)}{left}{rest}"


def _without(ending: Ending, facts: Mapping[str, Any]) -> str:
    hosts: defaultdict[str, list[str]] = defaultdict(list)
    for host, names in facts.items():
        for name in names if isinstance(names, list) else ():
            hosts[printable(str(name))].append(host)
    named = [f"{name} on {listed(shortened(each))}" for name, each in sorted(hosts.items())]
    return f" {ending.why}: {listed(named, between='; ')}." if named else ""


def _count(ending: Ending, facts: Mapping[str, Any]) -> str:
    lists = [listing for listing in facts.values() if isinstance(listing, list)]
    # A service has many hosts, a unit of one host is another one than that of the next.
    number = (
        len({name for listing in lists for name in listing})
        if ending.each == "service"
        else sum(map(len, lists))
    )
    return f", {ending.words.format(plural(number, ending.each))}" if ending.words else ""
