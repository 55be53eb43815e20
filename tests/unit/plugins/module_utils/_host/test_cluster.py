"""Which units are a cluster's alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.cluster import Cluster, cluster_units
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd

from ..host_world import FakeHost

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


AGENTS = [
    ("nginx", ["nginx.service"]),
    ("mysql", ["mariadb.service", "mysql.service"]),
    ("pgsql", ["postgresql.service"]),
    ("IPaddr2", []),
]


@pytest.mark.parametrize(("agent", "units"), AGENTS)
def test_behind_an_agent_of_ocf_there_are_the_units_that_debian_has_for_its_program(
    agent: str, units: list[str]
) -> None:
    cib = f'<cib><primitive id="r" class="ocf" provider="heartbeat" type="{agent}"/></cib>'
    assert cluster_units(cib) == dict.fromkeys(units, "r")


def test_instances_of_a_database_are_the_clusters_with_their_agent() -> None:
    cib = '<cib><primitive id="db" class="ocf" provider="heartbeat" type="pgsql"/></cib>'
    assert claims_of(cib, "postgresql@15-main.service").endswith("(crm_resource --restart --resource=db)")


def claims_of(cib: str, unit: str) -> str:
    with TemporaryDirectory() as root:
        host = node(Path(root), cib)
        return Cluster(host.run, Path(root), node="n1").claims([[unit]])[0]


LB = '<primitive id="lb" class="systemd" type="haproxy">{}</primitive>'
META = '<meta_attributes id="m"><nvpair id="x" name="{}" value="{}"/></meta_attributes>'
UNMANAGED, MAINTAINED = META.format("is-managed", "false"), META.format("maintenance", "TRUE")
WHOLE = '<cluster_property_set id="o"><nvpair id="x" name="{}" value="{}"/></cluster_property_set>'
NODE = '<nodes><node id="1" uname="{}"><instance_attributes id="i">{}</instance_attributes></node></nodes>'
STANDS_BY = '<nvpair id="x" name="maintenance" value="on"/>'
LEFT_TO_PEOPLE = {
    "the whole cluster is in maintenance": WHOLE.format("maintenance-mode", "yes") + LB.format(""),
    "nothing is managed by default": f"<rsc_defaults>{UNMANAGED}</rsc_defaults>" + LB.format(""),
    "the resource is not managed": LB.format(UNMANAGED),
    "the resource is in maintenance": LB.format(MAINTAINED),
    "its clone is not managed": f'<clone id="c">{LB.format("")}{UNMANAGED}</clone>',
    "its template is not managed": (
        f'<template id="t" class="systemd" type="haproxy">{UNMANAGED}</template><primitive id="lb" template="t"/>'
    ),
    "this node is in maintenance": NODE.format("n1", STANDS_BY) + LB.format(""),
}
STILL_THE_CLUSTERS = {
    "nothing is said": LB.format(""),
    "another node is in maintenance": NODE.format("n2", STANDS_BY) + LB.format(""),
    "maintenance is over": WHOLE.format("maintenance-mode", "false") + LB.format(""),
    "it is managed though its group is not": (
        f'<group id="g">{LB.format(META.format("is-managed", "true"))}{UNMANAGED}</group>'
    ),
    "it comes from a template": '<template id="t" class="systemd" type="haproxy"/><primitive id="lb" template="t"/>',
}


@pytest.mark.parametrize("cib", LEFT_TO_PEOPLE.values(), ids=LEFT_TO_PEOPLE)
def test_what_the_cluster_does_not_manage_now_may_be_restarted(cib: str) -> None:
    assert claims_of(f"<cib>{cib}</cib>", "haproxy.service") == ""
    assert "haproxy.service" in cluster_units(f"<cib>{cib}</cib>")


@pytest.mark.parametrize("cib", STILL_THE_CLUSTERS.values(), ids=STILL_THE_CLUSTERS)
def test_what_the_cluster_manages_is_its_own(cib: str) -> None:
    assert claims_of(f"<cib>{cib}</cib>", "haproxy.service") == WHY


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
