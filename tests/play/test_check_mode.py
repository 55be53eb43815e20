"""Check mode with every shipped role, on hosts whose restart is pending: it ends well, as nothing is wrong."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import yaml

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
            printf 'FragmentPath=/lib/systemd/system/%s\\nType=notify\\nMainPID=%s\\n\\n' "$unit" @@ ;;
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
GALERA = "#!/bin/sh\necho 3,0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f,Primary,Synced,ON\n"
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
esac
"""
POSTGRESQL = '#!/bin/sh\necho \'{"standby": false, "standbys": [], "synchronous": ""}\'\n'
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
PROGRAMS = {
    "dpkg-query": OWNERS,
    "etcdctl": ETCD,
    "ip": KEEPALIVED_ADDRESSES,
    "keepalived": "#!/bin/sh\n",
    "mariadb": GALERA,
    "pg_lsclusters": "#!/bin/sh\necho 15 main 5432 online postgres /var/lib/postgresql/15/main\n",
    "psql": POSTGRESQL,
    "rabbitmqctl": RABBITMQ,
    "rabbitmq-diagnostics": "#!/bin/sh\n",
    "redis-cli": REDIS,
    "nginx": "#!/bin/sh\n",
    "haproxy": "#!/bin/sh\necho HAProxy version 2.8.2 2026/01/31\n",
    "apt-get": "#!/bin/sh\n",
}
BALANCER = {
    "show info": "Name: HAProxy\nVersion: 2.8.1\nPid: 240\n\n",
    "show stat": "# pxname,svname,scur,status,check_status,\nweb,n1,0,UP,L7OK,\norderly,in_service,0,no check,,\n\n",
    "show servers state": (
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"
        "3 web 1 n1 10.0.0.1 2 0 1\n4 orderly 1 in_service 127.0.0.1 2 0 1\n\n"
    ),
}
HOSTS = {
    "etcd": "e1",
    "haproxy": "h1",
    "keepalived": "k1",
    "mariadb_galera": "g1",
    "nginx": "n1",
    "postgresql": "p1",
    "rabbitmq": "q1",
    "redis": "r1",
}


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Path]:
    """Answer on a socket as an haproxy does that runs an older version than is installed."""
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    with connection:
                        connection.sendall(BALANCER[connection.recv(1024).decode().strip()].encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


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
def shipped(site: Site, balancer: Path, replaced: int) -> Site:
    """Give a site with a host for each shipped role."""
    site.groups(**HOSTS)
    for name, text in {**PROGRAMS, "systemctl": SYSTEMCTL.replace("@@", str(replaced))}.items():
        site.write(f"bin/{name}", text).chmod(0o755)
    variables = {
        "haproxy_packages": ["dpkg"],
        "etcd_packages": ["dpkg"],
        "keepalived_packages": ["dpkg"],
        "keepalived_members": ["k1", "h1"],
        "keepalived_addresses": ["192.0.2.10"],
        "keepalived_drain_file": str(site.write("keepalived.drain", "0\n")),
        "nginx_packages": ["dpkg"],
        "mariadb_galera_packages": ["dpkg"],
        "mariadb_galera_nodes": ["g1", "h1", "n1"],
        "rabbitmq_packages": ["dpkg"],
        "postgresql_packages": ["dpkg"],
        "postgresql_client": ["psql"],
        "redis_packages": ["dpkg"],
        "redis_units": ["redis-server.service"],
        "haproxy_socket": str(balancer),
        "haproxy_drain_server": "orderly/in_service",
        "nginx_balancer_socket": str(balancer),
        "nginx_probe_url": "",
        "redis_verify_timeout": 2,
    }
    site.write("group_vars/all.yml", yaml.safe_dump(variables))
    return site


def test_every_shipped_role_is_looked_at_here() -> None:
    assert list(HOSTS) == SHIPPED


@pytest.mark.parametrize("playbook", ROLLS)
def test_a_check_ends_well_where_restarts_are_pending(shipped: Site, playbook: str) -> None:
    outcome = shipped.upgrade("--check", playbook=playbook)
    assert outcome.code == 0, outcome.raw
    assert "nothing was done, as this is a check" in outcome.text
