"""Check mode with every shipped role, on hosts whose restart is pending: it ends well, as nothing is wrong."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from . import servers
from .toys import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .toys import Site

SHIPPED = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/service.yml"))
ROLLS = ("orderly.services.restart_services", "orderly.services.upgrade")

# Every unit runs a program that was replaced on disk: its restart is pending.
SYSTEMCTL = """\
#!/bin/sh
[ "$1" = show ] || { echo active; exit 0; }
for unit; do
    case $unit in
        *.service)
            printf 'Id=%s\\nNames=%s\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\n' "$unit" "$unit"
            printf 'FragmentPath=/lib/systemd/system/%s\\nType=notify\\nKillMode=process\\n' "$unit"
            printf 'MainPID=%s\\n\\n' @@ ;;
    esac
done
"""
REDIS = """\
#!/bin/sh
case $* in
    *ping) echo PONG ;;
    *"config get"*) printf 'save\\n3600 1\\n' ;;
    *info*) printf 'run_id:aa\\nrole:master\\naof_enabled:0\\nrdb_last_bgsave_status:ok\\naof_last_write_status:ok\\n'
        printf 'rdb_bgsave_in_progress:0\\ndb0:keys=1\\n' ;;
esac
"""
# A node of Galera, and a primary without replicas.
MARIADB = """\
#!/bin/sh
case $* in
    *SLAVES*) echo '*** 1. row ***'; echo 'Linked_replicas: 0' ;;
    *) echo 3,0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f,Primary,Synced,ON ;;
esac
"""
RABBITMQ = """\
#!/bin/sh
echo '{"disk_nodes": ["rabbit@q1"], "running_nodes": ["rabbit@q1"], "alarms": [], "partitions": {},'
echo '"feature_flags": [],'
echo '"maintenance_status": {"rabbit@q1": "not under maintenance"}}'
"""
ETCD = """\
#!/bin/sh
member() { echo '{"Status": {"header": {"member_id": '$1'}, "leader": 1}}'; }
case $* in
    *"status --cluster"*) echo "[$(member 1), $(member 2), $(member 3)]" ;;
    *status*) echo "[$(member 2)]" ;;
    *"member list"*) echo '{"members": [{"ID": 1}, {"ID": 2}, {"ID": 3}]}' ;;
esac
"""
POSTGRESQL = """\
#!/bin/sh
echo '{"configuration": "/etc/postgresql/15/main/postgresql.conf", "standby": false, "standbys": [], "synchronous": ""}'
"""
KEEPALIVED_ADDRESSES = """\
#!/bin/sh
[ "$TOY_HOST" != k1 ] || echo '2: eth0    inet 192.0.2.10/32 scope global eth0'
"""
OWNERS = """\
#!/bin/sh
case $1 in
--search) echo mariadb-server: /lib/systemd/system/mariadb.service ;;
--show) printf 'install\\tinstalled\\tok\\tdpkg\\tdpkg\\t1.22.6\\n' ;;
esac
"""
DOCKER = """\
#!/bin/sh
[ "$1" != info ] || echo '{"ServerVersion": "20.10.24", "LiveRestoreEnabled": true}'
"""
LIBVIRT = """\
#!/bin/sh
case $* in *daemon) echo Running against daemon: 9.0.0 ;; *) echo guest ;; esac
"""
EXPORTS = """\
#!/bin/sh
echo '/srv  192.0.2.0/24(sync,wdelay,hide,no_subtree_check,rw)'
"""
# Where it is called cat, it is asked for the threads of an NFS server; else for the number of the boot.
FILES = """\
#!/bin/sh
case $1 in /proc/fs/nfsd/threads) echo 8 ;; *) exec /bin/cat "$@" ;; esac
"""
GREP = """\
#!/bin/sh
case $* in */etc/exports*) echo /srv ;; *) exec /bin/grep "$@" ;; esac
"""
# What Open vSwitch's database says of itself and of this chassis.
SWITCH = """\
#!/bin/sh
case $* in
    *cur_cfg*)
        echo '{"data": [[3, 3]]}'
        echo '{"data": [["br-int", ["set", []]]]}'
        echo '{"data": [["br-int", ["set", []]]]}' ;;
    *) echo '{"data": [[["map", [["system-id", "o3"], ["ovn-remote", "tcp:o2:6642"]]]]]}' ;;
esac
"""
CHASSIS = "#!/bin/sh\necho '{\"data\": [[7]]}'\n"
DATABASES = """\
#!/bin/sh
case $* in *OVN_Northbound*) name=OVN_Northbound ;; *) name=OVN_Southbound ;; esac
echo '[{"rows": [{"name": "'$name'", "model": "standalone", "connected":true, "leader":true, "cid": ["set", []]}]}]'
"""
OVN = "#!/bin/sh\ncase $* in *northd*) echo Status: active ;; *) echo connected ;; esac\n"
SLAPD = """\
#!/bin/sh
case $* in
    *-A*) ;;
    *contextCSN*) printf 'dn: dc=example\\ncontextCSN: 20261201003655.958671Z#000000#000#000000\\n' ;;
    *) printf 'dn: olcDatabase={1}mdb,cn=config\\nolcSuffix: dc=example\\n' ;;
esac
"""
BIND9 = '#!/bin/sh\n[ "$1" != -l ] || echo example.org IN _default primary\n'
PROGRAMS = {
    "chronyc": "#!/bin/sh\necho Leap status     : Normal\n",
    "cat": FILES,
    "ctr": "#!/bin/sh\n",
    "docker": DOCKER,
    "dpkg-query": OWNERS,
    "etcdctl": ETCD,
    "exportfs": EXPORTS,
    "grep": GREP,
    "ldapsearch": SLAPD,
    "ip": KEEPALIVED_ADDRESSES,
    "keepalived": "#!/bin/sh\n",
    "mariadb": MARIADB,
    "named-checkconf": BIND9,
    "php-fpm8.2": "#!/bin/sh\n",
    "ovn-appctl": OVN,
    "ovn-nbctl": CHASSIS,
    "ovn-sbctl": CHASSIS,
    "ovs-appctl": "#!/bin/sh\n",
    "ovs-ofctl": "#!/bin/sh\necho packet_count=0 byte_count=0 flow_count=133\n",
    "ovs-vsctl": SWITCH,
    "ovsdb-client": DATABASES,
    "pg_lsclusters": "#!/bin/sh\necho 15 main 5432 online postgres /var/lib/postgresql/15/main\n",
    "postfix": "#!/bin/sh\n",
    "postqueue": "#!/bin/sh\n",
    "psql": POSTGRESQL,
    "rabbitmqctl": RABBITMQ,
    "rabbitmq-diagnostics": "#!/bin/sh\n",
    "redis-cli": REDIS,
    "rpcinfo": "#!/bin/sh\n",
    "rndc": "#!/bin/sh\n",
    "virsh": LIBVIRT,
    "unbound-checkconf": "#!/bin/sh\n",
    "nginx": "#!/bin/sh\n",
    "haproxy": "#!/bin/sh\necho HAProxy version 2.8.2 2026/01/31\n",
    "apache2ctl": "#!/bin/sh\n",
    "apt-get": "#!/bin/sh\n",
}
HOSTS = {
    "apache2": "a1",
    "bind9": "b1",
    "chrony": "c1",
    "containerd": "d2",
    "docker": "d3",
    "etcd": "e1",
    "haproxy": "h1",
    "keepalived": "k1",
    "libvirt": "v1",
    "mariadb": "d1",
    "mariadb_galera": "g1",
    "memcached": "c2",
    "nfs_server": "s1",
    "nginx": "n1",
    "openvswitch": "o1",
    "ovn_central": "o2",
    "ovn_controller": "o3",
    "patroni": "t1",
    "php_fpm": "f1",
    "postfix": "m1",
    "postgresql": "p1",
    "rabbitmq": "q1",
    "redis": "r1",
    "slapd": "l1",
    "unbound": "u1",
    "zookeeper": "z1",
}

HALVES = [SHIPPED[::2], SHIPPED[1::2]]  # all of them in one run take minutes on a busy machine


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Run what is asked over sockets, and give the variables that say where."""
    admin = tmp_path / "admin.sock"
    with (
        servers.balancer(admin),  # it runs an older version than is installed
        servers.cache() as cache,
        servers.mail() as mail,
        servers.names() as names,
        servers.patroni("t1") as patroni,
        servers.zookeeper() as zookeeper,
    ):
        yield {
            "apache2_balancer_socket": str(admin),
            "bind9_port": names,
            "haproxy_socket": str(admin),
            "memcached_port": cache,
            "nginx_balancer_socket": str(admin),
            "php_fpm_balancer_socket": str(admin),
            "patroni_url": f"http://127.0.0.1:{patroni}",
            "postfix_port": mail,
            "unbound_port": names,
            "zookeeper_port": zookeeper,
        }


@pytest.fixture
def replaced(tmp_path: Path) -> Iterator[int]:
    """Give the process of a program that was replaced on disk."""
    program = tmp_path / "program"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        program.unlink()
        yield process.pid
        process.terminate()


@pytest.fixture
def shipped(site: Site, asked: dict[str, Any], replaced: int, request: pytest.FixtureRequest) -> Site:
    """Give a site with a host for each shipped role of a half."""
    site.groups(**{role: HOSTS[role] for role in request.param})
    for name, text in {**PROGRAMS, "systemctl": SYSTEMCTL.replace("@@", str(replaced))}.items():
        site.write(f"bin/{name}", text).chmod(0o755)
    variables = {
        **asked,
        **{f"{role}_packages": ["dpkg"] for role in SHIPPED},
        "keepalived_members": ["k1", "h1"],
        "keepalived_addresses": ["192.0.2.10"],
        "keepalived_drain_file": str(site.write("keepalived.drain", "0\n")),
        "mariadb_galera_nodes": ["g1", "h1", "n1"],
        "php_fpm_balancer_server": "web/n1",
        "php_fpm_units": ["php8.2-fpm.service"],
        "postgresql_client": ["psql"],
        "redis_units": ["redis-server.service"],
        "haproxy_drain_server": "orderly/in_service",
        "apache2_balancer_server": "web/n1",
        "apache2_probe_url": "",
        "nginx_probe_url": "",
        "bind9_verify_timeout": 2,
        "chrony_verify_timeout": 2,
        "patroni_verify_timeout": 2,
        "postfix_verify_timeout": 2,
        "redis_verify_timeout": 2,
        "slapd_verify_timeout": 2,
        "unbound_verify_timeout": 2,
        "zookeeper_config": str(site.write("zoo.cfg", "clientPort=2181\n")),
        "zookeeper_may_lose_quorum": True,
        "zookeeper_verify_timeout": 2,
    }
    site.write("group_vars/all.yml", yaml.safe_dump(variables))
    return site


def test_every_shipped_role_is_looked_at_here() -> None:
    assert list(HOSTS) == SHIPPED


@pytest.mark.parametrize("shipped", HALVES, indirect=True, ids=["one half", "other half"])
@pytest.mark.parametrize("playbook", ROLLS)
def test_a_check_ends_well_where_restarts_are_pending(shipped: Site, playbook: str) -> None:
    outcome = shipped.upgrade("--check", playbook=playbook)
    assert outcome.code == 0, outcome.raw
    assert "nothing was done, as this is a check" in outcome.text
