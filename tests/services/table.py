"""The table of clusters in docs/shipped-services.md: one row for each service, written by the run that earned it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE = re.compile(r"(<!-- clusters -->\n)(.*?)(<!-- /clusters -->)", re.DOTALL)
COLUMNS = (
    "cluster", "hosts", "versions", "operations", "sent again", "failed", "seconds without service", "rows lost",
    "faults", "date",
)  # fmt: skip
NOT_KEPT = "keeps none"


@dataclass(frozen=True)
class Row:
    """What a client saw of a cluster, from first to last; *lost* is nothing where rows are not kept."""

    service: str
    hosts: int
    versions: Sequence[str]
    sent: int
    again: int
    failed: int
    without: float
    lost: int | None
    faults: Sequence[str]
    date: str

    def __str__(self) -> str:
        """Give the row as the table has it."""
        cells = (
            f"**{self.service}**", self.hosts, " → ".join(self.versions), self.sent, self.again, self.failed,
            f"{self.without:g}", NOT_KEPT if self.lost is None else self.lost, "; ".join(self.faults) or "none",
            self.date,
        )  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


def with_row(page: str, row: Row) -> str:
    """Give the page with a row in the place of the service's older one.

    A page without the table is a :class:`ValueError`.
    """
    found = TABLE.search(page)
    if not found:
        raise ValueError("the page has no <!-- clusters --> … <!-- /clusters -->")
    rows = {line.split(" | ", 1)[0]: line for line in found[2].splitlines() if line.startswith("| **")}
    rows[str(row).split(" | ", 1)[0]] = str(row)
    head = [f"| {' | '.join(COLUMNS)} |", f"| {' | '.join(['---'] * len(COLUMNS))} |"]
    lines = "\n".join([*head, *(rows[name] for name in sorted(rows))])
    return page[: found.start(2)] + f"{lines}\n" + page[found.end(2) :]
