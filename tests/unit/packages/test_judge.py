from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.tests.packages.judge import Verdict
from ansible_collections.orderly.services.tests.packages.table import page

NOTHING = {"pending": [], "stopped": [], "settled": []}


def call(
    action: str, *units: str, program: str = "deb-systemd-invoke", script: str = "x.postinst configure"
) -> Any:
    return {"program": program, "action": action, "units": [*units], "script": script}


def seen(
    running: dict[str, str], *pending: str, trouble: tuple[str, ...] = (), **starts: int
) -> dict[str, Any]:
    record = {"actions": ["restart"], "package": "x", "package_before": "1", "package_now": "2"}
    info = {**NOTHING, "pending": [{"unit": unit, **record} for unit in pending]}
    return {"running": running, "starts": {f"{name}.service": n for name, n in starts.items()}, "info": info,
            "trouble": [*trouble]}  # fmt: skip


def verdict(**changed: Any) -> Verdict:
    """Judge a package that does what it should, but for what is changed."""
    facts = {
        "versions": {"x": "1"},
        "versions_after": {"x": "2"},
        "listed": ["x.service"],
        "at": {"x.service": "old", "y.service": "old"},
        "asked": [call("restart", "x.service")],
        "after": seen({"x.service": "old", "y.service": "old"}, "x.service"),
        "settled": seen({"x.service": "new", "y.service": "old"}, x=1),
    }
    return Verdict("x", {**facts, **changed})


STARTED = {"x.service": "new", "y.service": "old"}
DOWN = {"y.service": "old"}
WRONG = {
    "restarted in spite of the policy, and not told: x.service": {
        "after": seen(STARTED),
        "settled": seen(STARTED),
    },
    "asked for and not recorded: x.service": {"after": seen({"x.service": "old"})},
    "recorded and not asked for: y.service": {
        "after": seen({"x.service": "old", "y.service": "old"}, "x.service", "y.service"),
        "settled": seen({"x.service": "new", "y.service": "new"}, x=1, y=1),
    },
    "recorded with other actions than were asked for: x.service": {
        "asked": [call("restart", "x.service"), call("stop", "x.service")],
    },
    "recorded with another package or version: x.service": {"versions": {"x": "0"}},
    "not listed, and its restart was lost: y.service": {"asked": [call("restart", "x.service", "y.service")]},
    "not listed, and down: y.service": {
        "asked": [call("restart", "x.service", "y.service")],
        "after": seen({"x.service": "old"}, "x.service"),
    },
    "pending, and not restarted: x.service": {"settled": seen({"x.service": "old"})},
    "restarted twice: x.service": {"settled": seen(STARTED, x=2)},
    "pending after its restart: x.service": {"settled": seen(STARTED, "x.service", x=1)},
    "restarted, and runs the replaced program: x.service": {
        "settled": {**seen(STARTED, x=1), "replaced": ["x.service"]},
    },
    "on hold, and upgraded all the same": {"held": ""},
}


def test_a_package_whose_restart_waited_and_was_done_once_is_right() -> None:
    right = verdict()
    assert not right.faults
    assert not right.is_wrong
    assert right.line == "x: 1 listed, 1 asked, 1 recorded, 0 surprised, 1 settled (1 → 2, 0 s)"


@pytest.mark.parametrize(("fault", "changed"), WRONG.items(), ids=WRONG)
def test_each_fault_is_named(fault: str, changed: dict[str, Any]) -> None:
    assert verdict(**changed).faults == [fault]


@pytest.mark.parametrize("now", [STARTED, DOWN])
def test_a_surprise_that_the_product_tells_is_an_exception_and_no_fault(now: dict[str, str]) -> None:
    told = verdict(
        asked=[call("restart", "x.service", program="systemctl")],
        after=seen(now, trouble=("x.service was started anew at …",)),
        settled=seen(STARTED),
    )
    assert not told.faults
    assert told.told == {"x.service"}


def test_a_trigger_knows_no_version_before() -> None:
    after = seen({"x.service": "old"}, "x.service")
    after["info"]["pending"][0]["package_before"] = ""
    by_trigger = call("restart", "x.service", script="x.postinst triggered /usr/lib/x")
    assert not verdict(asked=[by_trigger], after=after).faults
    assert verdict(after=after).faults == ["recorded with another package or version: x.service"]


def test_the_page_has_a_row_for_each_package_and_names_those_that_were_not_played() -> None:
    text = page({"bookworm": [verdict(), Verdict("gone", {"trouble": "no such package"})]})
    assert "| `x` | 1 → 2 | 1 | 1 | 1 | 0 | 1 |  |" in text
    assert "Not played: `gone`" in text
    assert "1 packages; units: 1 listed, 1 asked, 1 recorded, 0 restarted by surprise, 1 settled" in text
