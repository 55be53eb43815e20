from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.budget import read_size, slots_of

CASES = [
    (1, 9, 1),
    (3, 9, 3),
    (12, 9, 12),
    ("10%", 9, 1),
    ("34%", 9, 3),
    ("50%", 9, 4),
    ("100%", 9, 9),
    ("50%", 0, 1),
]


@pytest.mark.parametrize(("max_unavailable", "members", "slots"), CASES)
def test_percentages_round_down_to_at_least_one(max_unavailable: int | str, members: int, slots: int) -> None:
    assert slots_of(max_unavailable, members) == slots


@pytest.mark.parametrize("size", ["0", 0, -1, "0%", "101%", "ten", "02", "\u0663", True, 1.5, None])
def test_what_is_no_size_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match=str(size)):
        read_size(size)


def test_sizes_are_numbers_and_percentages() -> None:
    assert [read_size(size) for size in (1, "10", "10%", "100%")] == [1, 10, "10%", "100%"]
