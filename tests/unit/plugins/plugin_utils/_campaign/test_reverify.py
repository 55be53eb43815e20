"""What a resumed run verifies again before it goes on."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign import reverify
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import GateError
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store

from ..lock_world import run
from ..plan_world import deployment, plan_of, progress

if TYPE_CHECKING:
    from pathlib import Path

PLAN = plan_of(
    deployment("disk", "d1", "3", "verify"),
    deployment("db", "d1 d2", "3", "verify", after=("disk",)),
    deployment("web", "w1 w2", "3", "verify", after=("db",)),
    deployment("cache", "w1 w2", "3", after=("db",)),
    deployment("motd", "w1 w2", "6", "verify"),
)
DB, DISK = "db/change@d1 db/change@d2", "disk/change@d1"


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ("", {}),
        (DISK, {"disk": ["d1"]}),
        (f"{DISK} db/change@d2", {"disk": ["d1"], "db": ["d2"]}),
        (f"{DISK} {DB} web/change@w1", {"db": ["d1", "d2"], "web": ["w1"]}),
        (f"{DISK} {DB} web/change@w1 web/change@w2 cache/change@w1 cache/change@w2", {}),
    ],
)
def test_what_goes_on_and_what_that_comes_after_is_verified_again(
    done: str, expected: dict[str, list[str]]
) -> None:
    assert reverify.hosts_to_verify(PLAN, progress(done), Selection(), {}) == expected


def test_hosts_that_the_run_is_not_about_or_that_are_out_of_service_are_left_alone() -> None:
    done = progress(f"{DISK} {DB} web/change@w1")
    assert reverify.hosts_to_verify(PLAN, done, Selection(hosts=frozenset({"w1", "w2"})), {}) == {
        "web": ["w1"]
    }
    assert reverify.hosts_to_verify(PLAN, done, Selection(only=frozenset({"web"})), {}) == {"web": ["w1"]}
    away = {"db": {"d1": "disk"}, "web": {"w1": "disk"}}
    assert reverify.hosts_to_verify(PLAN, done, Selection(), away) == {"db": ["d2"]}


def test_no_play_is_entered_before_all_that_the_run_began_with_is_verified(tmp_path: Path) -> None:
    def check(pid: int) -> None:
        reverify.check("Wave 3", store, "friday-1", run(pid), lambda: {"web": ["w1"]})

    with closing(open_store(f"sqlite://{tmp_path}/store.db")) as store:
        reverify.begin(store, "friday-1", run(1), {"db": ["d10", "d2"], "web": ["w1"]})
        reverify.record(store, "friday-1", run(1), "web", ["w1"])
        with pytest.raises(GateError, match="Wave 3 is refused; nothing in it was touched: db on d2 d10 was"):
            check(1)
        reverify.record(store, "friday-1", run(1), "db", ["d2", "d10"])
        check(1)
        with pytest.raises(GateError, match="web on w1 was upgraded earlier"):
            check(2)  # --start-at-task, say: it has passed over the beginning
        reverify.begin(store, "friday-1", run(3), {"db": ["d2"]}, beside=[run(1).id])
        check(1)
        with pytest.raises(GateError, match="db on d2 was"):
            check(3)
