"""Members of clusters that depend on each other: who may go, and who is back, is counted among all that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from . import servers

if TYPE_CHECKING:
    from .toys import Outcome, Site

ENSEMBLE = """\
# as it was set up
server.1=zk1:2888:3888
 server.2=zk2:2888:3888
server.3=zk3:2888:3888
server.4=zk4:2888:3888
server.5=zk5:2888:3888
server.6=zk6:2888:3888:observer
"""
TOO_FEW = "has 5 servers that vote, and 3 of them serve requests, so it loses its quorum"


def play(site: Site, role: str, part: str, hosts: str, **variables: Any) -> Outcome:
    """Run one file of a shipped role on the first of the hosts of its group."""
    site.groups(**{role: hosts})
    site.write("group_vars/all.yml", yaml.safe_dump(variables))
    task = {"include_role": {"name": f"orderly.services.{role}", "tasks_from": part}}
    plays = [{"hosts": hosts.split()[0], "gather_facts": False, "tasks": [task]}]
    return site.upgrade(playbook=site.write("play.yml", yaml.safe_dump(plays)))


@pytest.mark.parametrize(
    ("servers_up", "configuration", "refused"),
    [
        (["zk1", "zk2", "zk3", "zk4"], ENSEMBLE, ""),
        (["zk1", "zk2", "zk3"], ENSEMBLE, TOO_FEW),
        (["zk1", "zk2", "zk3"], "dynamicConfigFile=@@\n", TOO_FEW),
        (["zk1", "zk2", "zk3"], None, "so nobody knows how many servers of ZooKeeper vote"),
    ],
    ids=["one of five down", "two of five down", "two of five down, by the dynamic configuration", "no configuration"],
)
def test_a_zookeeper_that_is_down_and_left_out_still_votes(
    site: Site, servers_up: list[str], configuration: str | None, refused: str
) -> None:
    config = site.folder / "zoo.cfg"
    dynamic = site.write("zoo.cfg.dynamic", ENSEMBLE)
    if configuration is not None:
        config.write_text(configuration.replace("@@", str(dynamic)))
    followers = ["follower"] * (len(servers_up) - 1)
    with servers.zookeepers(["leader", "leader", *followers]) as port:
        outcome = play(
            site,
            "zookeeper",
            "health.yml",
            "zk1 zk2 zk3 zk4 zk5 zk6",
            zookeeper_servers=servers_up,
            zookeeper_port=port,
            zookeeper_config=str(config),
            zookeeper_verify_timeout=2,
        )
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text
