"""Members of clusters that depend on each other: who may go, and who is back, is counted among all that there are."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from . import servers
from .toys import CONNECTION, SYSTEMCTL

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
ETCDCTL = """\
#!/bin/sh
[ "$ETCDCTL_API" = 3 ] || { echo "No help topic for '$1'" >&2; exit 3; }
case $* in
    *"member list"*) echo '{"members": [@@]}' ;;
    *"status --cluster"*) echo '[@@]' ;;
esac
"""
PG_LSCLUSTERS = "#!/bin/sh\necho 15 main 5432 online postgres /var/lib/postgresql/15/main\n"
MAIN = "/etc/postgresql/15/main/postgresql.conf"
STANDBY = {
    "configuration": MAIN,
    "standby": True,
    "link": "streaming",
    "behind": 0,
    "standbys": [],
    "synchronous": "",
}
PRIMARY = {**STANDBY, "standby": False, "link": None, "behind": None}
STREAMS = {"state": "streaming", "sync": "async", "logical": False, "behind": 0}
# The role that it has, one answer after the other; the last one stays.
REDIS = """\
#!/bin/sh
roles=$(dirname "$0")/roles
[ "$*" = info ] || exit 0
printf 'run_id:aa\\nmaster_link_status:up\\nmaster_host:r2\\nrole:%s\\n' "$(head -n 1 "$roles")"
[ "$(wc -l < "$roles")" = 1 ] || sed -i 1d "$roles"
"""
RABBIT = {"running_nodes": ["rabbit@q1"], "disk_nodes": ["rabbit@q1"], "alarms": [], "partitions": {}}
RABBITS = {**RABBIT, "running_nodes": ["rabbit@q1", "rabbit@q2"], "disk_nodes": ["rabbit@q1", "rabbit@q2"]}
TOO_FEW = "has 5 servers that vote, and 3 of them serve requests, so it loses its quorum"


def inside(items: list[Any]) -> str:
    """Give a list as JSON, without its brackets."""
    return json.dumps(items)[1:-1]


def play(site: Site, role: str, parts: str, hosts: str, **variables: Any) -> Outcome:
    """Run files of a shipped role on the first of the hosts of its group."""
    site.groups(**{role: hosts})
    site.write("group_vars/all.yml", yaml.safe_dump(variables))
    name = f"orderly.services.{role}"
    tasks = [{"include_role": {"name": name, "tasks_from": f"{part}.yml"}} for part in parts.split()]
    plays = [{"hosts": hosts.split(maxsplit=1)[0], "gather_facts": False, "tasks": tasks}]
    return site.upgrade(playbook=site.write("play.yml", yaml.safe_dump(plays)))


@pytest.mark.parametrize(
    ("servers_up", "configuration", "refused"),
    [
        (["zk1", "zk2", "zk3", "zk4"], ENSEMBLE, ""),
        (["zk1", "zk2", "zk3"], ENSEMBLE, TOO_FEW),
        (["zk1", "zk2", "zk3"], "dynamicConfigFile=@@\n", TOO_FEW),
        (["zk1", "zk2", "zk3"], None, "so nobody knows how many servers of ZooKeeper vote"),
    ],
    ids=[
        "one of five down",
        "two of five down",
        "two of five down, by the dynamic configuration",
        "no configuration",
    ],
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
            "health",
            "zk1 zk2 zk3 zk4 zk5 zk6",
            zookeeper_servers=servers_up,
            zookeeper_port=port,
            zookeeper_config=str(config),
            zookeeper_verify_timeout=2,
        )
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text


@pytest.mark.parametrize(
    ("listed", "answering", "refused"),
    [
        ("e1 e2 e3", [1, 2, 3], ""),
        ("e1 e2", [1, 1, 2, 2], "has 2 members, so it loses its quorum"),  # each advertises two URLs
        ("e1 e2 e3", [1, 1, 1], "is not complete: e2, e3 does not answer where it advertises"),  # localhost
        ("e1 e2 e3 -", [1, 2, 3], "is not complete: a member that never started does not"),
    ],
    ids=["all answer", "two URLs each", "all advertise localhost", "one never started"],
)
def test_members_of_etcd_are_counted_not_urls(
    site: Site, listed: str, answering: list[int], refused: str
) -> None:
    members = [
        {"ID": number, "name": name, "clientURLs": ["http://e:2379"]} if name != "-" else {"ID": number}
        for number, name in enumerate(listed.split(), 1)
    ]
    statuses = [{"Status": {"header": {"member_id": number}, "leader": 2}} for number in answering]
    site.write(
        "bin/etcdctl", ETCDCTL.replace("@@", inside(members), 1).replace("@@", inside(statuses))
    ).chmod(0o755)
    outcome = play(site, "etcd", "health quorum", "e1 e2 e3", etcd_verify_timeout=1)
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (STANDBY, ""),
        ({**PRIMARY, "standbys": [STREAMS]}, ""),
        ({**STANDBY, "behind": None}, "its primary has not sent anything yet"),
        (
            {**PRIMARY, "standbys": [{**STREAMS, "logical": True}]},
            "it is the primary, and 0 of 1 standbys stream",
        ),
        (
            {**STANDBY, "configuration": "/etc/postgresql/15/other/postgresql.conf"},
            "reaches the server of /etc/postgresql/15/other/postgresql.conf, and not that of 15/main",
        ),
    ],
    ids=[
        "a standby",
        "a primary",
        "connected only",
        "a subscriber of logical replication",
        "another cluster",
    ],
)
def test_a_postgresql_is_back_when_it_replicates(site: Site, said: dict[str, Any], wrong: str) -> None:
    site.write("bin/pg_lsclusters", PG_LSCLUSTERS).chmod(0o755)
    site.write("bin/psql", f"#!/bin/sh\necho '{json.dumps(said)}'\n").chmod(0o755)
    timeout = {"postgresql_client": ["psql"], "postgresql_verify_timeout": 1}
    outcome = play(site, "postgresql", "facts health", "p1 p2", **timeout)
    assert (outcome.code == 0) is (not wrong), outcome.raw
    assert wrong in outcome.text


@pytest.mark.parametrize(
    ("behind", "refused"),
    [(0, ""), (None, "p1 must stay up: 1 of the standbys do not stream")],
    ids=["fed", "connected only"],
)
def test_a_postgresql_goes_when_the_others_replicate(site: Site, behind: int | None, refused: str) -> None:
    primary, standby = {**PRIMARY, "standbys": [STREAMS]}, {**STANDBY, "behind": behind}
    said = f"case $TOY_HOST in p1) echo '{json.dumps(primary)}' ;; *) echo '{json.dumps(standby)}' ;; esac"
    site.write("bin/pg_lsclusters", PG_LSCLUSTERS).chmod(0o755)
    site.write("bin/psql", f"#!/bin/sh\n{said}\n").chmod(0o755)
    outcome = play(site, "postgresql", "facts health others", "p1 p2", postgresql_client=["psql"])
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("slave", "slave", ""),
        ("master", "slave", ""),
        ("slave", "master", "r1 was a replica of r2, and is a master of its own since its restart"),
    ],
)
def test_a_replica_without_sentinels_is_a_replica_again(
    site: Site, before: str, after: str, refused: str
) -> None:
    site.write("bin/redis-cli", REDIS).chmod(0o755)
    site.write("bin/systemctl", SYSTEMCTL).chmod(0o755)
    site.write("bin/roles", f"{before}\n{after}\n")
    site.write("units/r1", "active\n")
    units = {"redis_units": ["redis-server.service"], "redis_verify_timeout": 1}
    outcome = play(site, "redis", "facts verify", "r1 r2", **units)
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text


@pytest.mark.parametrize(
    ("here", "there", "refused"),
    [
        (RABBITS, RABBITS, ""),
        (RABBIT, {**RABBIT, "disk_nodes": ["rabbit@q2"]}, ""),  # two clusters in one group
        (RABBIT, RABBITS, "rabbit@q1 is in another cluster than before: rabbit@q2 count it as theirs"),
        (
            RABBIT,
            {**RABBIT, "disk_nodes": ["rabbit@q2"], "ram_nodes": ["rabbit@q1"]},
            "is in another cluster than before",
        ),
    ],
)
def test_a_rabbitmq_is_back_in_the_cluster_that_counts_it(
    site: Site, here: dict[str, Any], there: dict[str, Any], refused: str
) -> None:
    said = f"case $TOY_HOST in q1) echo '{json.dumps(here)}' ;; *) echo '{json.dumps(there)}' ;; esac"
    site.write("bin/rabbitmqctl", f"#!/bin/sh\n{said}\n").chmod(0o755)
    site.write("bin/rabbitmq-diagnostics", "#!/bin/sh\n").chmod(0o755)
    site.write("bin/systemctl", SYSTEMCTL).chmod(0o755)
    site.write("units/q1", "active\n")
    outcome = play(site, "rabbitmq", "verify", "q1 q2", rabbitmq_verify_timeout=4)
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text


VIOLATION = "SECURITY VIOLATION - scripts are being executed but script_security not enabled."


@pytest.mark.parametrize(
    ("status", "said", "refused"),
    [
        (0, "", ""),
        (6, f"{VIOLATION}\\n", ""),
        (
            6,
            f"(Line 3) Unknown keyword intervall\\n{VIOLATION}\\n",
            "ended with 6: (Line 3) Unknown keyword intervall",
        ),
        (5, "(Line 3) Unknown keyword intervall\\n", "ended with 5: (Line 3) Unknown keyword intervall"),
        (1, "", "ended with 1: it printed nothing"),
    ],
)
def test_only_what_keepalived_can_run_with_is_accepted(
    site: Site, status: int, said: str, refused: str
) -> None:
    site.write("bin/keepalived", f"#!/bin/sh\nprintf '{said}' >&2\nexit {status}\n").chmod(0o755)
    outcome = play(site, "keepalived", "configuration", "k1")
    assert (outcome.code == 0) is (not refused), outcome.raw
    assert refused in outcome.text


@pytest.mark.skipif(os.geteuid() != 0, reason="the drain file is owned by root")
@pytest.mark.parametrize(("owner", "left"), [("k2", "1\n"), ("nobody", "0\n")])
def test_a_keepalived_whose_addresses_nobody_takes_over_is_drained_no_more(
    site: Site, owner: str, left: str
) -> None:
    address = "2: eth0    inet 192.0.2.10/32 scope global eth0"
    site.write("bin/ip", f"#!/bin/sh\n[ $TOY_HOST != {owner} ] || echo '{address}'\n").chmod(0o755)
    drain = site.write("drain", "0\n")
    connection = site.folder / "connection/toy.py"
    copies = CONNECTION.replace(
        'raise AnsibleConnectionFailure("toy hosts take', '__import__("shutil").copy(in_path, out_path) #'
    )
    connection.write_text(copies)
    outcome = play(
        site,
        "keepalived",
        "hand_over",
        "k1 k2",
        keepalived_addresses=["192.0.2.10"],
        keepalived_drain_file=str(drain),
        keepalived_verify_timeout=1,
    )
    assert (outcome.code == 0) is (left == "1\n"), outcome.raw
    assert drain.read_text() == left
    assert ("nobody has taken over: Each of 192.0.2.10 must have exactly one owner" in outcome.text) is (
        left == "0\n"
    )
