"""The table of clusters keeps the rows of other services, and one for each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.tests.services.table import Row, with_row

PAGE = "# Services\n\n<!-- clusters -->\n<!-- /clusters -->\n\nmore\n"
ROW = Row("mq", 3, ["1", "2"], 100, 7, 1, 2.5, 0, ["power of mq2 cut in its step"], "2026-01-31")


def rows_of(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("| **")]


def test_a_row_says_what_the_client_saw() -> None:
    assert rows_of(with_row(PAGE, ROW)) == [
        "| **mq** | 3 | 1 → 2 | 100 | 7 | 1 | 2.5 | 0 | power of mq2 cut in its step | 2026-01-31 |"
    ]


def test_rows_that_nobody_keeps_are_not_called_found() -> None:
    assert "| keeps none |" in str(replace(ROW, lost=None))


def test_a_row_takes_the_place_of_the_older_one_and_others_stay() -> None:
    page = with_row(with_row(PAGE, ROW), replace(ROW, service="db"))
    page = with_row(page, replace(ROW, failed=0))
    assert [line.split(" | ")[0] for line in rows_of(page)] == ["| **db**", "| **mq**"]
    assert [line.split(" | ")[5] for line in rows_of(page)] == ["1", "0"]
    assert page.endswith("<!-- /clusters -->\n\nmore\n")
    assert page.count("| cluster |") == 1


def test_a_page_without_the_table_is_left_alone() -> None:
    with pytest.raises(ValueError, match="clusters"):
        with_row("# Services\n", ROW)
