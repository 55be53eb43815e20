"""Every shipped service with a cluster has a file that says all that the story needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.recipe import upgrade_text
from ansible_collections.orderly.services.tests.services import cluster
from ansible_collections.orderly.services.tests.services.client import PROTOCOLS

ROLES = Path(__file__).parents[3] / "roles"


@pytest.mark.parametrize("name", cluster.names())
def test_a_cluster_is_of_a_shipped_role_whose_task_it_names(name: str) -> None:
    given = cluster.read(name)
    file = ROLES / given.service / "tasks/upgrade_tasks.yml"
    (service,) = (each for each in find_services([RoleFolder(ROLES)]) if each.name == given.service)
    tasks = upgrade_text(service) if service.by_recipe else file.read_text("utf-8")
    assert f"- name: {given.fault}\n" in tasks
    assert given.unit in (ROLES / given.service / "meta/service.yml").read_text("utf-8")
    assert given.client["protocol"] in PROTOCOLS
    hosts = {host for node in given.nodes for host in node.split(",") if f"{host}/32" not in given.each}
    assert hosts <= {*given.all_hosts}


def test_a_key_that_is_none_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "db.yml").write_text("hosts: [db1]\npackagse: []\n")
    monkeypatch.setattr(cluster, "CLUSTERS", tmp_path)
    with pytest.raises(ValueError, match=r"clusters/db\.yml has unknown keys: packagse"):
        cluster.read("db")


def test_the_inventory_has_the_service_and_its_balancer() -> None:
    given = cluster.Cluster(
        "web", "web", ["web1", "web2"], [], "nginx", "nginx.service", {"protocol": "page", "nodes": ["lb1"]}, "x",
        balancer="lb1", variables={"web_size": 2}, also=["php"],
    )  # fmt: skip
    groups = given.inventory("sqlite:///store.db")["all"]["children"]
    assert groups["web"] == {"hosts": {"web1": None, "web2": None}, "vars": {"web_size": 2}}
    assert groups["php"] == groups["web"]
    assert [*groups["haproxy"]["hosts"]] == ["lb1"]
    assert given.all_hosts == ["web1", "web2", "lb1", "client"]
    assert given.nodes == ["lb1"]
