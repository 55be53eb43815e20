from __future__ import annotations

import re
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._table import fleet_table


def entry(unit: str, **keys: Any) -> dict[str, Any]:
    usual = {
        "unit": unit, "action": "restart", "since": "2026-11-23T06:31:07Z", "reason": "Package update",
        "package": "nginx", "package_before": "1.0", "package_now": "1.1", "collateral": False,
    }  # fmt: skip
    return {**usual, **keys}


def squeeze(line: str) -> str:
    return re.sub(r" {2,}", "  ", line)


def answer(*pending: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"pending": list(pending), "stopped": [], "auto_restarts": True, "trouble": [], **keys}


def test_one_line_for_each_unit_that_waits() -> None:
    lines = fleet_table(
        {
            "web10": answer(entry("nginx.service")),
            "web2": answer(
                entry(
                    "haproxy.service",
                    action="reload",
                    package="haproxy",
                    package_before="2.0",
                    package_now="2.0",
                ),
                entry("lonely.service", package="", package_before="", package_now="", collateral=True),
                auto_restarts=False,
            ),
        }
    )
    assert [line.split("  ") for line in map(squeeze, lines)] == [
        ["HOST", "UNIT", "PENDING", "SINCE", "WHY", "PACKAGE"],
        ["web2", "haproxy.service", "reload", "2026-11-23 06:31:07 UTC", "Package update", "haproxy 2.0"],
        ["web2", "lonely.service", "restart", "2026-11-23 06:31:07 UTC", "Package update (collateral)", "-"],
        ["web10", "nginx.service", "restart", "2026-11-23 06:31:07 UTC", "Package update", "nginx 1.0 → 1.1"],
        ["3 pending on 2 hosts; 2 hosts checked."],
        ["Automatic restarts are off on web2."],
    ]


def test_columns_are_aligned() -> None:
    lines = fleet_table({"a": answer(entry("x.service")), "longer": answer(entry("y.service"))})
    assert {line.index("restart ") for line in lines[1:3]} == {lines[0].index("PENDING")}


def test_nothing_pending_is_said_plainly() -> None:
    assert fleet_table({"web1": answer()}) == ["No restart is pending; 1 host checked."]


def test_the_option_is_shown_though_nothing_is_pending() -> None:
    assert fleet_table({"web1": answer(auto_restarts=False), "web2": answer()}) == [
        "No restart is pending; 2 hosts checked.",
        "Automatic restarts are off on web1.",
    ]


def test_what_was_not_checked_is_named() -> None:
    lines = fleet_table(
        {"web1": {"unreachable": True, "msg": "ssh"}, "web2": {"msg": "No python."}, "web3": {}}
    )
    assert lines == [
        "No restart is pending; 0 hosts checked.",
        "web1: not checked, it could not be reached",
        "web2: not checked, No python",
        "web3: not checked, it was not asked",
    ]


def test_trouble_is_shown() -> None:
    assert fleet_table({"web1": answer(trouble=["A file is broken."])})[-1] == "web1: A file is broken."


def test_units_that_do_not_run_are_shown_but_not_counted() -> None:
    lines = fleet_table({"web1": answer(stopped=[entry("nginx.service")])})
    assert "(stopped)" in lines[1]
    assert lines[-1] == "No restart is pending; 1 host checked."
