"""The status of a fleet: pure functions from what hosts answered to lines of text, and to plain data."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from .._common.answers import unreadable, why_failed
from .._common.text import layout, listed, natural, printable, shortened
from .units_of_no_service import of_no_service

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    Answer = Mapping[str, Any]

# What is read here of an answer. Other keys that the module is known to give are passed on as plain data, no more.
_ENTRY = {
    **dict.fromkeys(("unit", "action", "since", "reason", "package", "package_before", "package_now"), str),
    "collateral": bool,
}
_DISMISSED = dict.fromkeys(("unit", "dismissed", "dismissed_by", "dismissed_at", "package"), str)
_SHAPE = {
    "auto_restarts": bool,
    "pending": [_ENTRY],
    "stopped": [_ENTRY],
    "dismissed": [_DISMISSED],
    "paused": [dict.fromkeys(("unit", "since", "reason"), str)],
    "temporary_changes": [dict.fromkeys(("service", "name", "until", "campaign", "since"), str)],
    "drained": [dict.fromkeys(("service", "operation", "roll", "since"), str)],
    "on_hold": [dict.fromkeys(("package", "version", "candidate"), str)],
    "without_service": [str],
    "absent_services": [{"service": str, "says": str}],
    "umbrellas": [{"service": str, "unit": str, "says": str}],
    "outdated": [str],
    "made_up": [dict.fromkeys(("unit", "action", "since", "package"), str)],
    "not_checked": {str: str},
    "trouble": [str],
}
_PASSED_ON = ("in_force", "script", "policies", "settled", "store")
ROWS_SHOWN = 200  # of one host; no host can make the table of all endless
SENTENCES_SHOWN = 20
_WORDS = {
    "outdated": "Programs and libraries that were replaced",
    "interpreted": "Replaced files of programs in Python, Perl, Ruby and Java",
    "paused": "What is paused",
    "drained": "What is drained",
    "reloads": "Whether reloads have happened",
    "stopped": "Whether units that do not run are paused",
}


@dataclass(frozen=True)
class Row:
    """One unit or package that waits on one host, in the words of the table."""

    host: str
    unit: str
    pending: str
    since: str
    why: str
    package: str

    @property
    def counts(self) -> bool:
        """Whether a restart of it is pending; what stands in brackets has none."""
        return not self.pending.startswith("(")


HEADER = Row("HOST", "UNIT", "PENDING", "SINCE", "WHY", "PACKAGE")


@dataclass(frozen=True)
class FleetStatus:
    """What the hosts of a fleet answered, and why others did not, both in natural order."""

    checked: Mapping[str, Answer]
    not_checked: Mapping[str, str]

    @classmethod
    def of(cls, answers: Mapping[str, Answer]) -> FleetStatus:
        """Sort the results of ``deferred_restarts_info``; a host without one was not checked."""
        hosts = sorted(answers, key=natural)
        faults = {host: _fault(answers[host]) for host in hosts}
        return cls(
            {host: answers[host] for host in hosts if not faults[host]},
            {host: why for host, why in faults.items() if why},
        )

    @property
    def rows(self) -> list[Row]:
        """Make the rows of the table."""
        return [row for host, answer in self.checked.items() for row in rows_of(host, answer)]

    @property
    def _counted(self) -> list[Row]:
        return [row for row in self.rows if row.counts]

    def where(self, is_so: Callable[[Answer], bool]) -> list[str]:
        """Name the checked hosts of which something is so."""
        return [host for host, answer in self.checked.items() if is_so(answer)]

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs."""
        counted = self._counted
        return {
            "pending": len(counted),
            "hosts_pending": list(dict.fromkeys(row.host for row in counted)),
            "hosts": {host: _plain(answer) for host, answer in self.checked.items()},
            "not_checked": dict(self.not_checked),
        }

    def as_lines(self) -> list[str]:
        """Lay out a table of what waits, then say what else one has to know."""
        rows = [row for host, answer in self.checked.items() for row in _first(rows_of(host, answer))]
        off = self.where(lambda answer: not answer["auto_restarts"])
        return [
            *(layout([astuple(row) for row in (HEADER, *rows)]) if rows else []),
            _summary(len(self.checked), self._counted),
            *([f"Automatic restarts are off on {_listed(off)}."] if off else []),
            *self._outdated(),
            *self._made_up(),
            *self._without_service(),
            *self._ill_described(),
            *(
                f"{host}: {printable(sentence, 1000)}"
                for host, answer in self.checked.items()
                for sentence in answer["trouble"][:SENTENCES_SHOWN]
            ),
            *(f"{host}: not checked, {printable(why, 1000)}" for host, why in self.not_checked.items()),
            *self._not_looked_at(),
        ]

    def _outdated(self) -> list[str]:
        """Show apart which units run what is no longer there, though nobody asked for their restart."""
        return [
            f"{host}: {units} still run replaced files; no restart was requested."
            for host, answer in self.checked.items()
            if (units := listed(list(map(printable, answer["outdated"])), ROWS_SHOWN))
        ]

    def _made_up(self) -> list[str]:
        """Say which units were started anew at the end of dpkg's last run, as nobody forbids that."""
        return [
            f"{host}: {units} started anew at the end of dpkg's last run, as a package wanted and no policy forbids."
            for host, answer in self.checked.items()
            if (units := listed([_made_up_one(each) for each in answer["made_up"]], SENTENCES_SHOWN))
        ]

    def _without_service(self) -> list[str]:
        """Say which pending units no roll restarts, and what does."""
        hosts: dict[str, list[str]] = {}
        for host, answer in self.checked.items():
            for unit in answer["without_service"][:ROWS_SHOWN]:
                hosts.setdefault(printable(unit), []).append(host)
        return [of_no_service(unit, each) for unit, each in hosts.items()]

    def _ill_described(self) -> list[str]:
        """Say which services have no unit, or one that only groups others, each sentence once."""
        hosts: dict[str, list[str]] = {}
        for host, answer in self.checked.items():
            for each in (*answer["absent_services"], *answer["umbrellas"])[:SENTENCES_SHOWN]:
                hosts.setdefault(printable(each["says"], 1000), []).append(host)
        return [f"{listed(shortened(each))}: {says}" for says, each in hosts.items()]

    def _not_looked_at(self) -> list[str]:
        """Say what could not be looked at, each reason once."""
        hosts: dict[tuple[str, str], list[str]] = {}
        for host, answer in self.checked.items():
            for item in list(answer["not_checked"].items())[:SENTENCES_SHOWN]:
                hosts.setdefault(item, []).append(host)
        return [
            f"{_WORDS.get(what) or printable(what)}: not checked on {_listed(each)}, {printable(why, 1000)}."
            for (what, why), each in hosts.items()
        ]


def _plain(answer: Answer) -> dict[str, Any]:
    return {key: answer[key] for key in (*_SHAPE, *_PASSED_ON) if key in answer}


def _first(rows: list[Row]) -> list[Row]:
    """Keep the first rows of a host, and count the others in one more."""
    rest = len(rows) - ROWS_SHOWN
    return [*rows[:ROWS_SHOWN], _row(rows[0].host, f"and {rest} more", "", "", "", "")] if rest > 0 else rows


def rows_of(host: str, answer: Answer) -> list[Row]:
    """Make a row of everything that waits on a host."""
    paused = {entry["unit"]: entry for entry in answer["paused"]}
    stopped = [entry for entry in answer["stopped"] if entry["unit"] not in paused]
    return [
        *(_unit_row(host, entry, entry["action"], answer["without_service"]) for entry in answer["pending"]),
        *(_unit_row(host, entry, "(stopped)") for entry in stopped),
        *(_dismissed_row(host, record) for record in answer["dismissed"]),
        *(
            _row(host, entry["unit"], "(paused)", _moment(entry["since"]), entry["reason"], "-")
            for entry in paused.values()
        ),
        *(_temporary_row(host, entry) for entry in answer["temporary_changes"]),
        *(_drained_row(host, entry) for entry in answer["drained"]),
        *(
            _row(
                host,
                "-",
                "(upgrade)",
                "-",
                "on hold",
                _package(each["package"], each["version"], each["candidate"]),
            )
            for each in answer["on_hold"]
        ),
    ]


def _unit_row(host: str, entry: Mapping[str, Any], pending: str, of_none: Container[str] = ()) -> Row:
    marks = (" (collateral)" * entry["collateral"], " (no service)" * (entry["unit"] in of_none))
    return _row(
        host,
        entry["unit"],
        pending,
        _moment(entry["since"]),
        "".join((entry["reason"], *marks)),
        _package(entry["package"], entry["package_before"], entry["package_now"]),
    )


def _dismissed_row(host: str, record: Mapping[str, Any]) -> Row:
    why = f"{record['dismissed_by'] or 'somebody'}: {record['dismissed']}"
    return _row(
        host, record["unit"], "(dismissed)", _moment(record["dismissed_at"]), why, record["package"] or "-"
    )


def _temporary_row(host: str, change: Mapping[str, Any]) -> Row:
    campaign = f", campaign {change['campaign']}" if change["campaign"] else ""
    why = f"{change['name']}, until {change['until']}{campaign}"
    return _row(host, change["service"], "(temporary)", _moment(change["since"]), why, "-")


def _drained_row(host: str, record: Mapping[str, Any]) -> Row:
    why = f"{record['operation'] or 'unknown operation'}, roll {record['roll'] or 'unknown'}"
    return _row(host, record["service"], "(drained)", _moment(record["since"]), why, "-")


def _row(*cells: str) -> Row:
    return Row(*map(printable, cells))


def _moment(iso: str) -> str:
    return iso.replace("T", " ").replace("Z", " UTC")


def _made_up_one(entry: Mapping[str, Any]) -> str:
    package = f"{entry['package']}, " if entry["package"] else ""
    return printable(f"{entry['unit']} ({package}{_moment(entry['since'])})")


def _package(package: str, before: str, now: str) -> str:
    versions = f"{before} → {now}" if before and before != now else now
    return f"{package} {versions}".strip() or "-"


def _summary(checked: int, pending: Sequence[Row]) -> str:
    hosts = f"{checked} host{'' if checked == 1 else 's'} checked"
    if not pending:
        return f"No restart is pending; {hosts}."
    on = len({row.host for row in pending})
    return f"{len(pending)} pending on {on} host{'' if on == 1 else 's'}; {hosts}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _fault(answer: Answer) -> str:
    """Say why a host counts as not checked; empty where it was."""
    if "pending" in answer:
        return unreadable(answer, _SHAPE)
    if answer.get("unreachable"):
        return "it could not be reached"
    return why_failed(answer, "it was not queried")
