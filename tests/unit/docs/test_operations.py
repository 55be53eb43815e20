"""The page of refusals has all of them, and none that is no more."""

from __future__ import annotations

import re

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Why

from .refusals import GAP, ROOT, Refusal, refusals, rules

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs/service-roles.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
BEGINNINGS = {row: re.compile(".*".join(map(re.escape, row.split(GAP)))) for row in ROWS}


@pytest.mark.parametrize("refusal", refusals(), ids=lambda each: each.place)
def test_what_is_refused_stands_on_the_page(refusal: Refusal) -> None:
    assert [row for row, begins in BEGINNINGS.items() if begins.match(refusal.text)], refusal.text


@pytest.mark.parametrize("row", ROWS)
def test_what_stands_on_the_page_is_refused_somewhere(row: str) -> None:
    assert [each.place for each in refusals() if BEGINNINGS[row].match(each.text)]


@pytest.mark.parametrize("why", Why)
def test_every_reason_of_the_lock_stands_on_the_page(why: Why) -> None:
    assert f"| `{why}` |" in PAGE


@pytest.mark.parametrize("rule", sorted(rules()))
def test_every_rule_of_tasks_stands_in_the_guide_that_the_page_names(rule: str) -> None:
    assert re.search(rf"^\| [^|]*`{rule}`", GUIDE, re.MULTILINE)


def test_nothing_is_told_twice() -> None:
    assert sorted(ROWS) == sorted(set(ROWS))


def test_no_row_is_so_general_that_it_covers_what_nobody_looked_at() -> None:
    covered = {
        row: sum(bool(begins.match(each.text)) for each in refusals()) for row, begins in BEGINNINGS.items()
    }
    assert {row: count for row, count in covered.items() if count > 10} == {}
