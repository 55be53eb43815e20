"""The shop's clusters, its inventory and its application name the same hosts."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.orderly.services.tests.services import cluster
from ansible_collections.orderly.services.tests.showcase.story import HERE, hosts_of, parts, waves_of

INVENTORY = yaml.safe_load((HERE / "inventory.yml").read_text(encoding="utf-8"))["all"]


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.service)
def test_the_hosts_of_a_cluster_are_the_group_of_its_service(part: cluster.Cluster) -> None:
    assert [*INVENTORY["children"][part.service]["hosts"]] == part.hosts


def test_every_host_of_the_inventory_is_built_once() -> None:
    of_groups = {host for group in INVENTORY["children"].values() for host in group["hosts"]}
    assert sorted(hosts_of(parts())) == sorted(of_groups)


def test_the_application_asks_the_hosts_of_its_services() -> None:
    text = (HERE / "shop.py").read_text(encoding="utf-8")
    for service in ("mariadb_galera", "rabbitmq", "redis"):
        assert {*cluster.read(service).hosts} <= {*re.findall(r'"(\w+)"', text)}, service


ROLL = (
    "Wave 1 of 5: 3 hosts, db1 (mariadb_galera), mq1 (rabbitmq), web1 (nginx)\nWave 2 of 5: lb1 (haproxy)\n"
)
UPGRADE = """\
PLAY [Wave 1 · nginx on web1 | gate] ****
PLAY [Wave 1 · nginx on web1 | work] ****
PLAY [Wave 2 · nginx on web2, haproxy on lb1 | work] ****
PLAY [Wave 3 · nginx on web3 | gate] ****
"""


CASES = [
    ("rolling_restart", ROLL, 5),
    ("reboot", "", 0),
    ("plan", ROLL, 0),
    ("upgrade", ROLL + UPGRADE, 2),
]


@pytest.mark.parametrize(("playbook", "said", "waves"), CASES)
def test_waves_are_counted_as_the_run_tells_them(playbook: str, said: str, waves: int) -> None:
    assert waves_of(playbook, said) == waves
