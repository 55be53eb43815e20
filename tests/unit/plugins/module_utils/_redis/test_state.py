"""What is wrong with a redis and its sentinels is said in sentences; nobody who does not answer passes for well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.module_utils._redis.state import (
    State,
    Watched,
    parse_entries,
    parse_info,
    usable,
)

INFO = "# Server\r\nrun_id:aa\r\n\r\n# Replication\r\nrole:slave\r\nmaster_link_status:up\r\nslave_ip:::1\r\n"
MASTERS = "name\nshop\nip\n192.0.2.1\nrunid\n\nflags\nmaster\nname\ncart\nip\n192.0.2.2\n"

ENTRY = {
    "name": "shop", "ip": "192.0.2.1", "port": "6379", "runid": "aa", "flags": "master", "quorum": "2",
    "num-other-sentinels": "2",
}  # fmt: skip
REPLICA = {"name": "192.0.2.2:6379", "runid": "bb", "flags": "slave", "master-link-status": "ok"}
SHOP = Watched(ENTRY, [REPLICA], "OK 3 usable Sentinels. Quorum and failover authorization can be reached")
MASTER = {"run_id": "aa", "role": "master", "loading": "0"}
SLAVE = {"run_id": "bb", "role": "slave", "loading": "0", "master_link_status": "up"}
WELL = State(has_sentinel=True, info=MASTER, watched=[SHOP])


def test_info_is_read_by_name() -> None:
    assert parse_info(INFO) == {
        "run_id": "aa",
        "role": "slave",
        "master_link_status": "up",
        "slave_ip": "::1",
    }


def test_entries_begin_with_their_name_and_may_have_empty_values() -> None:
    assert parse_entries(MASTERS) == [
        {"name": "shop", "ip": "192.0.2.1", "runid": "", "flags": "master"},
        {"name": "cart", "ip": "192.0.2.2"},
    ]
    assert parse_entries("") == []


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ("OK 3 usable Sentinels. Quorum and failover authorization can be reached", 3),
        ("NOQUORUM 1 usable Sentinels. Not enough available Sentinels", 1),
        ("ERR No such master with that name", 0),
        ("", 0),
    ],
)
def test_usable_sentinels_are_counted(answer: str, count: int) -> None:
    assert usable(answer) == count


def test_a_master_with_its_replica_and_three_sentinels_is_well() -> None:
    assert WELL.faults() == []
    assert WELL.indispensable() == []
    assert WELL.mine is SHOP
    assert replace(WELL, info=SLAVE).faults() == []


def test_a_server_alone_is_well_without_sentinels_and_a_sentinel_without_a_server() -> None:
    assert State(info=MASTER).faults() == []
    assert State(info=MASTER).mine is None
    assert State(has_server=False, has_sentinel=True, watched=[SHOP]).faults() == []


FAULTS = [
    (replace(WELL, info={**MASTER, "loading": "1"}), "it still loads its data"),
    (
        replace(
            WELL, info={**SLAVE, "master_link_status": "down", "master_host": "r1", "master_port": "6379"}
        ),
        "its link to its master r1:6379 is down",
    ),
    (replace(WELL, watched=[]), "its sentinel watches over no master"),
    (replace(WELL, info={**MASTER, "run_id": "new"}), "its sentinel does not know this server"),
    (replace(WELL, info={**SLAVE, "run_id": "aa"}), "it is a slave by its own account, and a master of shop"),
    (
        replace(WELL, watched=[replace(SHOP, entry={**ENTRY, "flags": "s_down,o_down,master"})]),
        "finds the master shop at 192.0.2.1:6379 o_down, master",
    ),
    (
        replace(WELL, watched=[replace(SHOP, replicas=[{**REPLICA, "flags": "s_down,slave"}])]),
        "the replica 192.0.2.2:6379 of shop is s_down, slave, its link to the master ok",
    ),
    (
        replace(WELL, watched=[replace(SHOP, replicas=[{**REPLICA, "master-link-status": "err"}])]),
        "its link to the master err; bring it back, or make each sentinel forget it (SENTINEL RESET shop)",
    ),
    (
        replace(WELL, watched=[replace(SHOP, quorum_check="OK 2 usable Sentinels. Quorum …")]),
        "2 of 3 sentinels of shop are usable",
    ),
    (State(info=MASTER, watchers=3), "3 sentinels watch over it, and none is named"),
    (replace(WELL, watched=[], unanswered=["redis-cli does not answer"]), "redis-cli does not answer"),
]


@pytest.mark.parametrize(("state", "sentence"), FAULTS)
def test_each_fault_is_the_only_one_said(state: State, sentence: str) -> None:
    (said,) = state.faults()
    assert sentence in said


@pytest.mark.parametrize(
    ("others", "quorum", "needed", "stays"),
    [(2, 2, 2, False), (1, 1, 2, True), (0, 1, 1, True), (2, 3, 3, True), (4, 2, 3, False), (3, 2, 3, False)],
)
def test_a_host_stays_whose_sentinel_a_failover_would_need(
    others: int, quorum: int, needed: int, stays: bool
) -> None:
    watched = Watched(
        {**ENTRY, "num-other-sentinels": str(others), "quorum": str(quorum)},
        [REPLICA],
        f"OK {others + 1} usable",
    )
    assert watched.needed == needed
    said = replace(WELL, watched=[watched]).indispensable()
    assert bool(said) is stays
    assert all(
        f"of the {others + 1} sentinels of shop, {others} would be left" in sentence for sentence in said
    )
