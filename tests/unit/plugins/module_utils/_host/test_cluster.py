"""Which units are a cluster's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.cluster import Cluster, cluster_units
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd

from ..host_world import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

CIB = """<cib><configuration><resources>
<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"/>
<clone id="c"><primitive id="lb" class="systemd" type="haproxy"/></clone>
<primitive id="www" class="lsb" type="apache2"/>
<primitive id="pg" class="service" type="postgresql@15-main.service"/>
</resources></configuration></cib>"""
WHY = (
    "pacemaker manages it and would take its restart for a failure; restart it through the cluster "
    "(crm_resource --restart --resource=lb)"
)


def node(root: Path, cib: str = CIB) -> FakeHost:
    """Give a node of a cluster, with haproxy on it, which is also called balancer, and nginx."""
    file = root / "var/lib/pacemaker/cib/cib.xml"
    file.parent.mkdir(parents=True)
    file.write_text(cib)
    host = FakeHost()
    host.add("haproxy.service", Names="haproxy.service balancer.service")
    host.add("nginx.service")
    return host


def test_the_cluster_tells_its_units_and_the_resource_of_each() -> None:
    assert cluster_units(CIB) == {
        "haproxy.service": "lb",
        "apache2.service": "www",
        "postgresql@15-main.service": "pg",
    }
    with pytest.raises(HostError, match="pacemaker cannot be read"):
        cluster_units("<cib>")


def test_a_unit_of_the_cluster_is_not_restarted_by_hand_under_any_of_its_names(tmp_path: Path) -> None:
    states = Systemd(node(tmp_path).run, root=tmp_path).show(["balancer.service", "nginx.service"])
    assert [states[name].refusal for name in states] == [WHY, ""]


def test_where_nobody_can_know_what_the_cluster_manages_nothing_is_restarted(tmp_path: Path) -> None:
    broken = Systemd(node(tmp_path, "<cib>").run, root=tmp_path).show(["nginx.service"])
    assert "The configuration of pacemaker cannot be read" in broken["nginx.service"].refusal


def test_a_remote_node_does_not_know_what_the_cluster_manages(tmp_path: Path) -> None:
    host = FakeHost()
    host.add("nginx.service")
    program = tmp_path / "usr/sbin/pacemaker-remoted"
    program.parent.mkdir(parents=True)
    program.touch()
    assert Cluster(host.run, tmp_path).claims([["nginx.service"]]) == [""]
    host.add("pacemaker_remote.service")
    (why,) = Cluster(host.run, tmp_path).claims([["nginx.service"]])
    assert "a remote node of pacemaker, whose configuration is elsewhere" in why
