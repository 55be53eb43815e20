from __future__ import annotations

from ansible_collections.orderly.services.plugins.action.rolling_blockers import wait_until_clear


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_waits_until_nothing_blocks_and_tells_for_whom() -> None:
    clock, said = FakeClock(), []
    result = wait_until_clear(
        lambda: ["backup"] if clock.now < 12 else [],
        60,
        lambda words, waited: said.append(f"{words} {waited:.0f}"),
        clock,
        clock.sleep,
    )
    assert result == ([], 15)
    assert said == ["backup 0", "backup 5", "backup 10"]


def test_gives_up_when_the_time_is_over_and_names_what_blocks() -> None:
    clock = FakeClock()
    assert wait_until_clear(lambda: ["backup"], 12, lambda *_said: None, clock, clock.sleep) == (
        ["backup"],
        12,
    )
