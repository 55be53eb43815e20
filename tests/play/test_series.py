"""Roles of clusters read from which series to which apt would go, and stop where that is too far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from .toys import ROOT

if TYPE_CHECKING:
    from .toys import Site

CASES = [
    ("mariadb", "mariadb-server", "1:10.11.18-0+deb12u1", "1:10.11.19-0+deb12u1", ""),
    (
        "mariadb",
        "mariadb-server",
        "1:10.11.18-0",
        "1:11.8.3-0",
        "apt would upgrade MariaDB 10.11 on h1 to 11.8",
    ),
    ("etcd", "etcd-server", "3.4.23-4+b4", "3.4.23-4+b4+again1", ""),
    ("etcd", "etcd-server", "3.4.23-4+b4", "3.5.16-4", ""),
    ("etcd", "etcd-server", "3.3.25+dfsg-6", "3.5.16-4", "apt would upgrade etcd 3.3 on h1 to 3.5"),
    ("rabbitmq", "rabbitmq-server", "3.10.8-1.1", "3.10.8-1.1+deb12u1", ""),
    ("rabbitmq", "rabbitmq-server", "3.10.8-1.1", "4.0.5-8", "apt would upgrade RabbitMQ 3.10 on h1 to 4.0"),
    ("mariadb_galera", "mariadb-server", "1:10.11.18-0+deb12u1", "1:10.11.19-0+deb12u1", ""),
    (
        "mariadb_galera",
        "mariadb-server",
        "1:10.11.18-0",
        "1:11.8.3-0",
        "apt would upgrade MariaDB 10.11 on h1 to 11.8",
    ),
]


@pytest.mark.parametrize(("role", "package", "before", "after", "refusal"), CASES)
def test_a_newer_version_is_read_and_one_that_is_too_far_is_refused(
    site: Site, role: str, package: str, before: str, after: str, refusal: str
) -> None:
    site.groups(cluster="h1")
    newer = {"upgrades": [{"package": package, "before": before, "after": after}]}
    play = {
        "hosts": "cluster",
        "gather_facts": False,
        "vars_files": [str(ROOT / f"roles/{role}/vars/main.yml")],
        "vars": {f"__{role}_newer": newer},
        "tasks": [{"ansible.builtin.import_tasks": str(ROOT / f"roles/{role}/tasks/series.yml")}],
    }
    site.write("series.yml", yaml.safe_dump([play]))
    outcome = site.upgrade(playbook="series.yml")
    assert (outcome.code != 0) == bool(refusal), outcome.raw
    assert refusal in outcome.text
