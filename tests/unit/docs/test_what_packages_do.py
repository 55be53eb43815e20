"""The table of what packages do says what the hosts are tested for."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.tests.ways.ways import NOTHING, STARTED, WAYS, Outcome
from ansible_collections.orderly.services.tests.write_ways import PAGE, page_with, table


def test_the_page_has_the_table_of_the_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with(table())


def test_every_way_has_a_name_of_its_own() -> None:
    names = [way.name for way in WAYS]
    assert len(set(names)) == len(names)


def test_a_listed_unit_that_is_not_left_alone_is_told() -> None:
    assert [way.name for way in WAYS if "**" in way.expected.effect and not way.expected.told] == []


CASES = [
    (NOTHING, NOTHING, True),
    (NOTHING, Outcome(record="restart: postinst configure 1"), False),
    (NOTHING, Outcome(told="alpha was started anew"), False),
    (STARTED, Outcome(STARTED.effect), False),
    (Outcome(record="restart: (preinst|prerm)"), Outcome(record="restart: prerm"), True),
    (Outcome(record="restart: prerm"), NOTHING, False),
]


@pytest.mark.parametrize(("expected", "seen", "right"), CASES)
def test_what_was_seen_is_compared_with_all_of_what_was_expected(
    expected: Outcome, seen: Outcome, *, right: bool
) -> None:
    assert expected.agrees_with(seen) is right
