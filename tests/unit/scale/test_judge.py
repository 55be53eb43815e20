from __future__ import annotations

import pytest
from ansible_collections.orderly.services.tests.scale.judge import STEPS, judge

ONE, OTHER = ([f"web {host} {step}" for step in STEPS] for host in ("h1", "h2"))
UNTIL = {step: STEPS.index(step) + 1 for step in STEPS}
CASES = {
    "one after the other": ([*ONE, *OTHER], []),
    "both at once": (
        [*ONE[: UNTIL["stop"]], *OTHER, *ONE[UNTIL["stop"] :]],
        ["web: h1, h2 were down at once, and the budget is 1"],
    ),
    "a host that stays down": (
        [*ONE[: UNTIL["install"]], "killed h1 pull", *OTHER, *ONE[UNTIL["look"] :]],
        ["web: h1, h2 were down at once, and the budget is 1"],
    ),
    "a change that is repeated after a kill": (
        [*ONE[: UNTIL["install"]], "killed h1 pull", *ONE[UNTIL["look"] :], *OTHER],
        [],
    ),
    "a check that is repeated after a kill, and then the change": (
        [*ONE[: UNTIL["check"]], "killed h1 pull", "web h1 check", "web h1 stop", *ONE[UNTIL["stop"] :], *OTHER],
        [
            f"web h1: {step} was done twice, and no killed run had left it open"
            for step in ("stop", "install", "start", "check")
        ],
    ),
    "two kills that leave one part open": (
        [*ONE[: UNTIL["stop"]], *["killed h1 pull"] * 2, *ONE, *OTHER],
        ["web h1: look was done twice, and no killed run had left it open"],
    ),
    "a repetition after a kill of another host's run": (
        [*ONE, "killed h2 pull", ONE[-1], *OTHER],
        ["web h1: finalize was done twice, and no killed run had left it open"],
    ),
    "somebody who looks once more": ([*ONE, *OTHER, "web h1 verify", "web h1 verify"], []),
    "a host that nobody visited": (ONE, [f"web h2 was forgotten: {', '.join(STEPS)}"]),
    "a host without its end": ([*ONE, *OTHER[:-1]], ["web h2 was forgotten: finalize"]),
}  # fmt: skip


@pytest.mark.parametrize(("log", "broken"), CASES.values(), ids=CASES)
def test_what_hosts_did_is_judged(log: list[str], broken: list[str]) -> None:
    assert judge(log, {"web": ["h1", "h2"]}, {"web": 1}) == broken
