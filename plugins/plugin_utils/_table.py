# This is a private utility of the orderly.services collection; it may change without notice.
"""The table of deferred restarts of a fleet: pure functions from what hosts answered to lines of text."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from ._order import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Row:
    """One unit that waits on one host, in the words of the table."""

    host: str
    unit: str
    pending: str
    since: str
    why: str
    package: str


HEADER = Row("HOST", "UNIT", "PENDING", "SINCE", "WHY", "PACKAGE")


def fleet_table(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lay out what the hosts answered: a table of what is pending, then what else one has to know.

    *answers* holds the result of ``deferred_restarts_info`` for every host; a host without one was not checked.
    """
    hosts = sorted(answers, key=natural)
    checked = {host: answers[host] for host in hosts if "pending" in answers[host]}
    rows = [row for host in checked for row in rows_of(host, checked[host])]
    off = [host for host in checked if not checked[host]["auto_restarts"]]
    lines = layout([HEADER, *rows]) if rows else []
    lines.append(_summary(len(checked), rows))
    if off:
        lines.append(f"Automatic restarts are off on {_listed(off)}.")
    lines += [f"{host}: {sentence}" for host in checked for sentence in checked[host]["trouble"]]
    lines += [f"{host}: not checked, {_fault(answers[host])}" for host in hosts if host not in checked]
    return lines


def rows_of(host: str, answer: Mapping[str, Any]) -> list[Row]:
    """Make a row of every unit that waits on a host."""
    stopped = [{**entry, "action": "(stopped)"} for entry in answer["stopped"]]
    return [
        Row(
            host=host,
            unit=entry["unit"],
            pending=entry["action"],
            since=entry["since"].replace("T", " ").replace("Z", " UTC"),
            why=entry["reason"] + (" (collateral)" if entry["collateral"] else ""),
            package=_package(entry),
        )
        for entry in [*answer["pending"], *stopped]
    ]


def _package(entry: Mapping[str, Any]) -> str:
    before, now = entry["package_before"], entry["package_now"]
    versions = f"{before} → {now}" if before and before != now else now
    return f"{entry['package']} {versions}".strip() or "-"


def layout(rows: Sequence[Row]) -> list[str]:
    """Align rows in columns."""
    cells = [astuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _summary(checked: int, rows: Sequence[Row]) -> str:
    hosts = f"{checked} host{'' if checked == 1 else 's'} checked"
    pending = [row for row in rows if row.pending != "(stopped)"]
    if not pending:
        return f"No restart is pending; {hosts}."
    on = len({row.host for row in pending})
    return f"{len(pending)} pending on {on} host{'' if on == 1 else 's'}; {hosts}."


def _listed(hosts: Iterable[str]) -> str:
    return ", ".join(hosts)


def _fault(answer: Mapping[str, Any]) -> str:
    if answer.get("unreachable"):
        return "it could not be reached"
    return str(answer.get("msg") or "it was not asked").strip().rstrip(".")
