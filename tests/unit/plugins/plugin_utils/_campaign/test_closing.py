"""The last line of an upgrade."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.closing import closing_line
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection

from ..plan_world import deployment, plan_of, progress

PLAN = plan_of(
    deployment("db", "d1 d2", "3", "finalize", stage="control"), deployment("web", "w1 w2 w3", stage="data")
)
AWAY = Selection(away={"web": {"w3": "mainboard"}})
DB = "db/change@d1 db/change@d2"
WEB = "web/change@w1 web/change@w2"
ALL = f"{DB} {WEB} web/change@w3"


def said(about: Selection, done: str = "", started: str = "", run: str = "run", **known: Any) -> str:
    return closing_line("friday-1", PLAN, progress(done, started), about, run, **known)


CASES = [
    (
        "all of it",
        (Selection(), f"{ALL} db/finalize@d1 db/finalize@d2"),
        "done on 5 of 5 hosts, by this run on 5.",
    ),
    (
        "out of service",
        (AWAY, f"{DB} {WEB}"),
        "done on 4 of 5 hosts, by this run on 4. Out of service (mainboard): w3 (web). Finalizers wait for that: db.",
    ),
    (
        "outside --limit",
        (Selection(hosts=frozenset({"d1"})), "db/change@d1"),
        "done on 1 of 5 hosts, by this run on 1. Outside --limit: d2 (db), w[1-3] (web). Finalizers wait for that: db.",
    ),
    (
        "another stage",
        (Selection(stage="control"), DB),
        "done on 2 of 5 hosts, by this run on 2. Of the stage data: w[1-3] (web). Finalizers wait for that: db.",
    ),
    (
        "other services",
        (Selection(only=frozenset({"web"})), ALL.replace(DB, "")),
        "done on 3 of 5 hosts, by this run on 3. Not among the services of this run: d1 (db), d2 (db). "
        "Finalizers wait for that: db.",
    ),
    (
        "a host failed, and the rest was not reached",
        (Selection(), "", "db/change@d1"),
        "done on 0 of 5 hosts, by this run on none. Begun and not done, and kept with their slots: d1 (db). "
        "Not reached: d2 (db), w[1-3] (web). Finalizers wait for that: db.",
    ),
    ("finalizers alone", (Selection(), ALL), "done on 5 of 5 hosts, by this run on 5. Finalizers left: db."),
    (
        "nothing was left to do",
        (AWAY, f"{DB} {WEB}", "", "another"),
        "done on 4 of 5 hosts; this run had nothing left to do. Out of service (mainboard): w3 (web). "
        "Finalizers wait for that: db.",
    ),
]


@pytest.mark.parametrize(("known", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_last_line_tells_what_is_done_and_what_is_left_and_why(known: Any, words: str) -> None:
    assert said(*known) == f"Upgrade friday-1: {words}"


TOGETHER = plan_of(deployment("web", "w1 w2", stage="data"), deployment("db", "w1", stage="control"))


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ("db/change@w1", "done on 0 of 2 hosts, by this run in part on 1."),
        ("db/change@w1 web/change@w2", "done on 1 of 2 hosts, by this run on 1 and in part on 1."),
    ],
)
def test_a_host_with_more_to_do_is_done_in_part(done: str, words: str) -> None:
    assert closing_line("f", TOGETHER, progress(done), Selection(), "run").startswith(f"Upgrade f: {words}")


def test_a_check_tells_what_there_is_to_do() -> None:
    assert said(AWAY, DB, check=True) == (
        "Upgrade: nothing was done, as this is a check; to do on 2 of 5 hosts. Out of service (mainboard): w3 (web)."
    )


def test_a_host_on_which_a_check_failed_has_no_slots_to_keep() -> None:
    plan = plan_of(deployment("db", "d1 d2", "0 3"))
    line = closing_line("friday-1", plan, progress("", "db/validate@d1"), Selection(), "run")
    assert line.endswith("by this run on none. Begun and not done: d1 (db). Not reached: d2 (db).")
