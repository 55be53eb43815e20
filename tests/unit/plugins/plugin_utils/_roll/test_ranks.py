from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._roll.ranks import rank_lines, read_ranks
from ansible_collections.orderly.services.plugins.plugin_utils._roll.roll import (
    Fleet,
    Roll,
    RollError,
    plan_roll,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service


def service(name: str, path: Path | None = None, **settings: Any) -> Service:
    return Service(name=name, role=name, path=path or Path("/roles", name), group=name, **settings)


def ranked(folder: Path, name: str = "db") -> Service:
    (folder / "tasks").mkdir(parents=True)
    (folder / "tasks/rank.yml").touch()
    return service(name, folder)


def roll(ranks: dict[str, dict[str, int]], **settings: Any) -> Roll:
    """Plan a roll of services that are on all hosts that they rank."""
    fleet = Fleet(
        [service(name, **settings) for name in ranks],
        {name: list(hosts) for name, hosts in ranks.items()},
        {host: () for hosts in ranks.values() for host in hosts},
        ranks=ranks,
    )
    return plan_roll(fleet, deferred_only=False)


def test_ranks_are_whole_numbers_also_where_set_fact_made_texts_of_them(tmp_path: Path) -> None:
    said = {"d1": 0, "d2": "10", "d3": " -1"}
    assert read_ranks(
        [ranked(tmp_path), service("web")], {"db": said, "web": ["w1"]}, lambda host, _name: said[host]
    ) == {"db": {"d1": 0, "d2": 10, "d3": -1}}


def test_the_variable_is_that_of_the_service(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    read_ranks([ranked(tmp_path, "my-db")], {"my-db": ["d1"]}, lambda *each: asked.append(each) or 1)
    assert asked == [("d1", "my_db_rank")]


@pytest.mark.parametrize("value", [None, "", "leader", 1.5, True, [1], "1" * 19])
def test_a_host_without_a_whole_number_is_refused_by_name(tmp_path: Path, value: Any) -> None:
    said = {"d1": 0, "d2": value}
    with pytest.raises(RollError) as refused:
        read_ranks([ranked(tmp_path)], {"db": said}, lambda host, _name: said[host])
    assert str(refused.value) == (
        "Nothing was started: rank.yml of db set no whole number db_rank on d2, so nobody knows who goes last. Let it "
        f"set one on every host, in {tmp_path}/tasks/rank.yml; a host on which the service is down has a rank too."
    )


def test_lower_ranks_go_before_higher_ones_though_there_are_slots_for_both() -> None:
    rolled = roll({"db": {"d1": 1, "d2": 0, "d3": 0}}, max_unavailable=3)
    assert rolled.waves == (("d2", "d3"), ("d1",))
    assert list(rank_lines(rolled)) == ["Last of db, as its rank.yml found out: d1."]
    assert len(rolled.stretches) == 2


def test_nothing_is_said_where_all_rank_alike() -> None:
    rolled = roll({"db": {"d1": 0, "d2": 0}})
    assert list(rank_lines(rolled)) == []
    assert len(rolled.stretches) == 1


def test_two_services_that_rank_hosts_against_each_other_are_named_and_one_decides() -> None:
    rolled = roll({"db": {"h1": 1, "h2": 0}, "mq": {"h1": 0, "h2": 1}}, max_unavailable=2)
    assert rolled.waves == (("h2",), ("h1",))
    assert list(rank_lines(rolled))[2:] == [
        "db and mq rank h2 and h1 against each other; h2 goes first, as services that come first, or else their names, "
        "decide."
    ]
