"""The planner's own look at the inventory."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.inventory import (
    Inventory,
    InventoryError,
    limited_hosts,
)

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = """
    [web]
    w[1:9] address=10.0.0.1
    [canary]
    w9
    [db]
    d1
"""
STAGE = ("web_stage", "web_after")
ALL = tuple(f"w{number}" for number in range(1, 10))
SAID = {
    "nobody": ({"group_vars/web.yml": "color: red"}, ("w1",)),
    "the group": ({"group_vars/web.yml": "web_stage: late"}, ("w1", "w9")),
    "everybody": ({"group_vars/all/stage.yml": "web_stage: late"}, ("w1", "w9")),
    "a template": ({"group_vars/web.yml": "web_after: ['{{ address }}']"}, ALL),
    "a host": ({"host_vars/w4.yml": "web_stage: late"}, ALL),
}


@pytest.mark.parametrize(("files", "asked"), SAID.values(), ids=SAID)
def test_few_hosts_stand_for_all_where_they_must_agree(
    tmp_path: Path, files: dict[str, str], asked: tuple[str, ...]
) -> None:
    assert tuple(sorted(inventory_of(tmp_path, files).typical_hosts(ALL, STAGE))) == asked


RACKS = {
    "of nobody": ({}, [None, None, None]),
    "of groups": ({"group_vars/all.yml": "rack: a", "group_vars/canary.yml": "rack: b"}, ["a", "a", "b"]),
    "of a host": ({"group_vars/web.yml": "rack: a", "host_vars/w2.yml": "rack: b"}, ["a", "b", "a"]),
    "by a template": ({"group_vars/web.yml": "rack: '{{ inventory_hostname }}'"}, ["w1", "w2", "w9"]),
}


@pytest.mark.parametrize(("files", "racks"), RACKS.values(), ids=RACKS)
def test_every_host_has_its_value_however_few_were_asked(
    tmp_path: Path, files: dict[str, str], racks: list[str | None]
) -> None:
    hosts = ("w1", "w2", "w9")
    assert inventory_of(tmp_path, files).values(hosts, "rack") == dict(zip(hosts, racks, strict=True))


def inventory_of(folder: Path, files: dict[str, str]) -> Inventory:
    (folder / "hosts").write_text(dedent(HOSTS))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")
    return Inventory(DataLoader(), [str(folder / "hosts")])


def test_what_all_hosts_have_from_groups_and_any_has_of_its_own_is_given(tmp_path: Path) -> None:
    files = {
        "group_vars/all/x.yml": "everywhere: 1",
        "group_vars/web.yml": "of_web: 1",
        "host_vars/w9.yml": "own: 1",
    }
    inventory = inventory_of(tmp_path, files)
    assert {"everywhere", "of_web", "own"} <= inventory.names_given(["w1"])
    assert "of_web" not in inventory.names_given(["w1", "d1"])


def test_a_variable_that_needs_facts_is_named_with_its_host(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path, {"host_vars/w4.yml": "web_stage: '{{ ansible_facts.processor_vcpus }}'"}
    )
    assert inventory.variable("w1", "web_stage") is None
    with pytest.raises(InventoryError) as caught:
        inventory.variable("w4", "web_stage")
    assert str(caught.value).startswith("web_stage of w4 cannot be determined while planning: ")
    assert str(caught.value).endswith("Give it a value that the inventory alone decides.")


LIMITS = [
    ("w1", ["w1"]),
    ("web", ["w1", "w2"]),
    ("w*,!w2", ["w1"]),
    ("d1:w2", ["d1", "w2"]),
    ("all", ["d1", "w1", "w2"]),
    ("d1[0]", ["d1"]),
]


@pytest.mark.parametrize(("limit", "hosts"), LIMITS)
def test_a_limit_leaves_the_hosts_that_ansible_takes_it_for(limit: str, hosts: list[str]) -> None:
    groups = {"all": ["w1", "w2", "d1"], "ungrouped": [], "web": ["w1", "w2"], "db": ["d1"]}
    assert sorted(limited_hosts(DataLoader(), groups, limit)) == hosts


def test_a_group_that_is_named_like_a_host_means_what_ansible_takes_it_for() -> None:
    groups = {"all": ["w1", "w2"], "w1": ["w2"]}
    assert limited_hosts(DataLoader(), groups, "w1") == {"w1"}
