"""What a run of the showcase has measured is told as it was, in the docs and on a page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.tests.showcase import report
from ansible_collections.orderly.services.tests.showcase.report import Chapter, Counted, Report, since

NONE = Counted(0, 0, 0, 0.0)
MEASURED = Report(
    chapters=[Chapter("Rolling reboot", 61, 5, {name: Counted(90, 3, 0, 1.5) for name in report.SERVICES})],
    total={name: Counted(100, 4, 0, 2.5) for name in report.SERVICES},
    found={"rows": 50, "messages": 50},
    lost={"rows": 0, "messages": 0},
    reasons={"requests": {"GET: A": 1, "PUT: B": 3}, "rows": {}},
    failures=[],
    versions=[{"nginx": "1", "redis": "7"}, {"nginx": "2", "redis": "7"}, {"nginx": "3", "redis": "7"}],
    hosts={"nginx": ["web1", "web2"]},
    date="2026-01-31",
)


def test_a_chapter_counts_what_happened_in_it() -> None:
    before = {"sent": 10, "again": 1, "failed": 0, "without": 2.1}
    assert since(before, {"sent": 25, "again": 4, "failed": 1, "without": 3.3}) == Counted(15, 3, 1, 1.2)


def test_the_table_has_a_row_for_each_chapter_and_one_for_all() -> None:
    page = report.with_table("# A\n\n<!-- measured -->\nold\n<!-- /measured -->\n\nmore\n", MEASURED)
    assert "| Rolling reboot | 61 s | 5 | 90 | 3 | 0 | 1.5 s | 1.5 s | 1.5 s | 1.5 s |" in page
    assert (
        "| All, from first order to last | 61 s | 5 | 100 | 4 | 0 | 2.5 s | 2.5 s | 2.5 s | 2.5 s |" in page
    )
    assert "- 50 rows that were confirmed were found again, 0 were lost." in page
    assert "- Asked again, requests: PUT: B (3), GET: A (1)." in page
    assert "- nginx 1 → 2 → 3" in page
    assert "- redis 7\n" in page
    assert "old" not in page
    assert page.endswith("<!-- /measured -->\n\nmore\n")


def test_docs_without_the_place_are_left_alone() -> None:
    with pytest.raises(ValueError, match="measured"):
        report.with_table("# A\n", MEASURED)


BAD = {name: Counted(100, 4, 1, 2.5) for name in report.SERVICES}
CASES = [
    (MEASURED, True),
    (replace(MEASURED, total=BAD), False),
    (replace(MEASURED, lost={"rows": 0, "messages": 1}), False),
]


@pytest.mark.parametrize(("measured", "clean"), CASES)
def test_only_a_run_without_failures_and_losses_is_clean(measured: Report, clean: bool) -> None:
    assert measured.is_clean is clean
    assert ('class="numbers clean"' in report.as_page(measured)) is clean


def test_the_page_shows_what_failed_and_trusts_no_answer() -> None:
    page = report.as_page(replace(MEASURED, failures=["GET /: 503 <script>"]))
    assert "<li>GET /: 503 &lt;script&gt;</li>" in page
    assert "<script>" not in page
    assert "<li>none</li>" in report.as_page(MEASURED)
    assert "http" not in page  # nothing is fetched from anywhere
