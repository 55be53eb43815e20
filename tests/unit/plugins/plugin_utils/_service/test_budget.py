from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.budget import slots_of

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
