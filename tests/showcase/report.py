"""What a run of the showcase has measured, as the table of docs/showcase.md and as a page of its own."""

from __future__ import annotations

import html
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = Path(__file__).with_name("page.html")
TABLE = re.compile(r"(<!-- measured -->\n)(.*?)(<!-- /measured -->)", re.DOTALL)
SERVICES = ("requests", "rows", "messages", "cache")
COLUMNS = (
    "chapter", "time", "waves", "requests", "sent again", "failed",
    *(f"without {name}" for name in ("any answer", "rows", "messages", "cache")),
)  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """What was counted of a service: *without* are the seconds in which nothing succeeded for more than one."""

    sent: int
    again: int
    failed: int
    without: float

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Counted:
        """Take it from the numbers of a client."""
        return cls(numbers["sent"], numbers["again"], numbers["failed"], numbers["without"])


def since(before: Mapping[str, Any], now: Mapping[str, Any]) -> Counted:
    """Count what has happened between two looks at a client's numbers."""
    first, last = Counted.of(before), Counted.of(now)
    return Counted(
        last.sent - first.sent,
        last.again - first.again,
        last.failed - first.failed,
        round(max(0.0, last.without - first.without), 1),
    )


@dataclass(frozen=True)
class Chapter:
    """What was done, how long it took, in how many waves, and what clients saw of it."""

    title: str
    seconds: float
    waves: int
    counted: Mapping[str, Counted]

    def __str__(self) -> str:
        """Say it in a line."""
        requests = self.counted["requests"]
        without = ", ".join(f"{name} {self.counted[name].without:g}" for name in SERVICES)
        return (
            f"{self.seconds:.0f} s, {self.waves} waves; requests {requests.sent}, sent again {requests.again}, "
            f"failed {requests.failed}; seconds without {without}"
        )

    def cells(self) -> list[str]:
        """Give its row, in the order of :data:`COLUMNS`."""
        return [self.title, f"{self.seconds:.0f} s", str(self.waves), *_cells(self.counted)]


@dataclass(frozen=True)
class Report:
    """All that a run has measured."""

    chapters: Sequence[Chapter]
    total: Mapping[str, Counted]
    found: Mapping[str, int]
    lost: Mapping[str, int]
    reasons: Mapping[str, Mapping[str, int]]
    """Why something was asked once more, and how often, by service."""
    failures: Sequence[str]
    """The last requests that failed."""
    versions: Sequence[Mapping[str, str]]
    """The version of each package, in the order in which they were installed."""
    hosts: Mapping[str, Sequence[str]]
    date: str

    @property
    def is_clean(self) -> bool:
        """Whether no request has failed, and nothing that was confirmed is lost."""
        return not self.total["requests"].failed and not any(self.lost.values())

    def rows(self) -> list[list[str]]:
        """Give the rows of the table, the sum of all last."""
        seconds = sum(chapter.seconds for chapter in self.chapters)
        waves = sum(chapter.waves for chapter in self.chapters)
        whole = ["All, from first order to last", f"{seconds:.0f} s", str(waves), *_cells(self.total)]
        return [*(chapter.cells() for chapter in self.chapters), whole]

    def sentences(self) -> list[str]:
        """Say what became of the orders, and why something was asked once more."""
        said = [
            f"{self.found[name]} {name} that were confirmed were found again, {self.lost[name]} were lost."
            for name in self.found
        ]
        lookups, misses = self.total["cache"].sent, self.total["cache"].failed
        said.append(f"Of {lookups} lookups the cache answered {lookups - misses}, the database the others.")
        for name, reasons in self.reasons.items():
            if reasons:
                each = ", ".join(f"{reason} ({times})" for reason, times in _most_often(reasons))
                said.append(f"Asked again, {name}: {each}.")
        return said

    def changes(self) -> list[str]:
        """Give each package with its versions, the same one once."""
        return [
            f"{name} {' → '.join(dict.fromkeys(each[name] for each in self.versions))}"
            for name in self.versions[0]
        ]


def _cells(counted: Mapping[str, Counted]) -> list[str]:
    requests = counted["requests"]
    numbers = [str(requests.sent), str(requests.again), str(requests.failed)]
    return numbers + [f"{counted[name].without:g} s" for name in SERVICES]


def _most_often(reasons: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda each: (-each[1], each[0]))


def as_json(report: Report) -> str:
    """Give all numbers, for a program."""
    return json.dumps(asdict(report), indent=2)


def as_page(report: Report) -> str:
    """Give the page: one file that needs nothing else."""

    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    def listed(lines: Iterable[str]) -> str:
        return "\n".join(f"<li>{html.escape(line)}</li>" for line in lines)

    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        date=html.escape(report.date),
        verdict="clean" if report.is_clean else "not-clean",
        requests=report.total["requests"].sent,
        failed=report.total["requests"].failed,
        lost_rows=report.lost["rows"],
        lost_messages=report.lost["messages"],
        head=row(COLUMNS, "th"),
        rows="\n".join(row(cells, "td") for cells in report.rows()),
        sentences=listed(report.sentences()),
        hosts=listed(f"{name}: {' '.join(hosts)}" for name, hosts in report.hosts.items()),
        versions=listed(report.changes()),
        failures=listed(report.failures) or "<li>none</li>",
    )


def with_table(page: str, report: Report) -> str:
    """Give the page of the docs with what was measured; one without the place for it is a :class:`ValueError`."""
    found = TABLE.search(page)
    if not found:
        raise ValueError("the page has no <!-- measured --> … <!-- /measured -->")
    lines = [COLUMNS, ["---"] * len(COLUMNS), *report.rows()]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    items = "\n".join(f"- {line}" for line in [*report.sentences(), *report.changes()])
    text = f"Measured on {report.date}:\n\n{table}\n\n{items}\n"
    return page[: found.start(2)] + text + page[found.end(2) :]
