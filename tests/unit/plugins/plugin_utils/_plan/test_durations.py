from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.durations import estimate
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Play

LAST = "going by last time"
WAVES = [
    Play("wave-1", "change", "Wave 1", ("d1", "w1"), {"db": ("d1",), "web": ("w1",)}),
    Play("wave-2", "change", "Wave 2", ("w2",), {"web": ("w2",)}),
]
CASES = [
    ("nothing is known", {}, ""),
    ("services of a wave work side by side", {"db/change": 600, "web/change": 60}, f"about 11 minutes, {LAST}"),
    ("a part that is new", {"web/change": 20}, f"about 1 minute, {LAST}, plus 1 never done before"),
    ("other parts do not count", {"web/validate": 600}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_plays_take_as_long_as_the_last_time(seconds: dict[str, float], words: str) -> None:
    assert estimate(WAVES, seconds) == words
