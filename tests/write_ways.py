"""Write the table of `docs/what-packages-do.md` again, after a way was added to `tests/ways/ways.py` or ends otherwise.

Run: tests/env python tests/write_ways.py
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.orderly.services.tests.ways.ways import WAYS, Way

PAGE = Path(__file__).resolve().parent.parent / "docs/what-packages-do.md"
BEGIN, END = "| the package |", "\n\n"
HEAD = """| the package | the listed service | on record | besides |
|---|---|---|---|
"""


def table() -> str:
    """Make the table; what a host must do is what the tests expect of it."""
    return HEAD + "\n".join(map(row, WAYS))


def row(way: Way) -> str:
    """Make the row of a way."""
    expected = way.expected
    besides = way.tail or ("told" if expected.told else "")
    return f"| {way.how} | {expected.effect} | {way.on_record} | {besides} |"


def page_with(table: str) -> str:
    """Put the table into the page, in the place of the one there."""
    text = PAGE.read_text(encoding="utf-8")
    begin = text.index(BEGIN)
    return text[:begin] + table + text[text.index(END, begin) :]


if __name__ == "__main__":
    PAGE.write_text(page_with(table()), encoding="utf-8")
