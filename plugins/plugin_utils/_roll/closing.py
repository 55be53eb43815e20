"""How a roll ended, in one line: what it did, on how many hosts, and what is left."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .._common.answers import misfit
from .._common.text import listed, natural, plural, printable, shortened, with_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._common.answers import Shape

    Registered = Callable[[str, str], Any]  # of a host, the variable

GRANT, RELEASED, RESTARTED = "__rolling_op_grant", "__rolling_op_released", "__rolling_op_restarted"
DRAINED = "__rolling_op_drained"
"""What the tasks of a wave register, of which each tells how far a host came."""
SKIPPED = "skipped"
_UNITS: Shape = [{"unit": str, "result": str, "why": str}]


def closing_line(
    operation: str, roll: Mapping[str, Any], registered: Registered, *, check: bool = False
) -> str:
    """Say it, from what :meth:`Roll.as_result` gave and what the hosts have registered since."""
    order: list[str] = roll["order"]
    services = {host: [service["name"] for service in roll["visits"][host]] for host in order}
    done = [host for host in order if _went_well(registered(host, RELEASED))]
    refuse = [host for host in order if _refuses(registered(host, DRAINED))]
    begun = [
        host for host in order if host in _slots(registered(host, GRANT)) and host not in (*done, *refuse)
    ]
    rest = [host for host in order if host not in (*done, *begun, *refuse)]
    answers = {host: registered(host, RESTARTED) for host in order}
    restarted = {host: _units(answer, "restarted") for host, answer in answers.items()}
    away = roll["out_of_service"]
    concerned = len({*order, *away})
    units = ", no unit restarted" if any(map(_went_well, answers.values())) else ""
    if count := sum(map(len, restarted.values())):
        units = f", {plural(count, 'unit')} restarted"
    what = f"{operation}: done on {len(done)} of {plural(concerned, 'host')}{units}."
    if not concerned:
        what = f"{operation}: nothing was to be done."
    if check:
        what = f"{operation}: nothing was done, as this is a check."
        begun, refuse, rest = [], [], []
    pending = {
        host: [unit for unit in units if check or unit not in restarted.get(host, ())]
        for host, units in roll["pending"].items()
    }
    return " ".join(
        [
            what,
            *_told("Failed, and kept with their slots", {host: services[host] for host in begun}),
            *_told("Refused this run, and not touched", {host: services[host] for host in refuse}),
            *_told("Not reached", {host: services[host] for host in rest}),
            *(f"Out of service: {each}." for each in [_away(away)] if each),
            *(f"Left alone: {each}." for each in [_left_alone(order, registered)] if each),
            *(f"Still pending: {each}." for each in [_pending(pending)] if each),
        ]
    )


def _went_well(result: Any) -> bool:
    return isinstance(result, dict) and not (result.get("skipped") or result.get("failed"))


def _refuses(drained: Any) -> bool:
    """Tell whether a host refused the run by what it knows of its locks; its slots are given back then."""
    return isinstance(drained, dict) and bool(drained.get("failed")) and "stamped" in drained


def _slots(grant: Any) -> Mapping[str, Any]:
    return grant.get("slots") or {} if isinstance(grant, dict) else {}


def _units(result: Any, key: str) -> list[str]:
    """Read names of units that a host has answered, as far as they are that."""
    named = result.get(key) if isinstance(result, dict) else None
    return [unit for unit in named if isinstance(unit, str)] if isinstance(named, list) else []


def _left_alone(order: Iterable[str], registered: Registered) -> str:
    """Name the units that hosts have not restarted on purpose, with the reason."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for host in order:
        result = registered(host, RESTARTED)
        units = result.get("units") if isinstance(result, dict) else None
        for each in units if units and not misfit(units, _UNITS) else ():
            if each["result"] == SKIPPED:
                alike[f"{printable(each['unit'])} ({printable(each['why'], 300)})"].append(host)
    return listed([f"{unit} on {listed(shortened(names))}" for unit, names in alike.items()], between="; ")


def _told(what: str, hosts: Mapping[str, Iterable[str]]) -> list[str]:
    return [f"{what}: {with_services(hosts)}."] if hosts else []


def _away(hosts: Mapping[str, Mapping[str, str]]) -> str:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for host, services in hosts.items():
        for why in dict.fromkeys(services.values()):
            alike[why].append(host)
    return "; ".join(f"{listed(shortened(names))} ({why})" for why, names in alike.items())


def _pending(hosts: Mapping[str, list[str]]) -> str:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for host in sorted(hosts, key=natural):
        if hosts[host]:
            alike[" ".join(printable(unit) for unit in hosts[host])].append(host)
    return listed([f"{units} on {listed(shortened(names))}" for units, names in alike.items()], between="; ")
