"""How a playbook that does its work host by host has ended, in one line: how far it came, and where not."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .._common.shell import playbook as playbook_command
from .._common.text import listed, plural, printable, shortened
from .units_of_no_service import of_no_service

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


class Ending(NamedTuple):
    """What such a playbook does: the fact in which a host that is done lists to what, and the words for that.

    *without* is the fact in which it lists what that could not be done to, and *told* puts those names, each with its
    hosts, into words. *then* is the playbook that does what is left of what was listed.
    """

    fact: str
    each: str = ""
    words: str = ""
    without: str = ""
    told: Callable[[Mapping[str, Sequence[str]]], str] = lambda _hosts: ""
    then: str = ""


def _not_deferred(hosts: Mapping[str, Sequence[str]]) -> str:
    named = [f"{name} on {listed(shortened(each))}" for name, each in hosts.items()]
    return f"NOT deferred, as these hosts have no unit of that name: {listed(named, between='; ')}."


def _not_rolled(hosts: Mapping[str, Sequence[str]]) -> str:
    said = [of_no_service(unit, each) for unit, each in hosts.items()]
    return listed(said, _SENTENCES, " ")


_SENTENCES = 3
ENDINGS: Mapping[str, Ending] = {
    "allow_restarts": Ending(
        "__deferral_done",
        "restart",
        "{} still pending",
        "__deferral_of_no_service",
        _not_rolled,
        "rolling_restart",
    ),
    "defer_restarts": Ending(
        "__deferral_done",
        "service",
        "restarts of {} are off",
        "__deferral_absent",
        _not_deferred,
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
    ending = ENDINGS[playbook]
    done = f"done {where}{_count(ending, facts)}."
    if check:
        done = f"nothing was done, as this is a check; it went through {where}."
    left = f" Left alone, as no service runs there: {listed(shortened(alone))}." if alone else ""
    rest = f" Not done: {listed(shortened(failed))}." if failed else ""
    return f"{playbook}: {done}{_without(ending, without)}{left}{rest}{_then(ending, facts, without)}"


def _without(ending: Ending, facts: Mapping[str, Any]) -> str:
    hosts: defaultdict[str, list[str]] = defaultdict(list)
    for host, names in facts.items():
        for name in names if isinstance(names, list) else ():
            hosts[printable(str(name))].append(host)
    return f" {ending.told(dict(sorted(hosts.items())))}" if hosts else ""


def _then(ending: Ending, facts: Mapping[str, Any], without: Mapping[str, Any]) -> str:
    """Give the command that does what is left, where it does any of it."""
    left = sum(map(len, _lists(facts))) > sum(map(len, _lists(without)))
    return f" To do that: {playbook_command(ending.then)}" if ending.then and left else ""


def _lists(facts: Mapping[str, Any]) -> list[list[Any]]:
    return [listing for listing in facts.values() if isinstance(listing, list)]


def _count(ending: Ending, facts: Mapping[str, Any]) -> str:
    lists = _lists(facts)
    # A service has many hosts, a unit of one host is another one than that of the next.
    number = (
        len({name for listing in lists for name in listing})
        if ending.each == "service"
        else sum(map(len, lists))
    )
    return f", {ending.words.format(plural(number, ending.each))}" if ending.words else ""
