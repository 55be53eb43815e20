from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.graph import CycleError
from ansible_collections.orderly.services.plugins.plugin_utils._waves.nodes import (
    Change,
    Node,
    make_nodes,
    order_of,
)
from ansible_collections.orderly.services.plugins.plugin_utils._waves.schedule import make_schedule


def on(hosts: str, slots: int = 1, *, full_stop: bool = False) -> Change:
    return Change(tuple(hosts.split()), slots, full_stop)


def test_services_in_no_bundle_are_nodes_by_their_names() -> None:
    changes = {"db": on("d1 d2", 2), "web": on("w1", full_stop=True)}
    nodes = make_nodes(changes, [])
    assert nodes == {
        "db": Node(("d1", "d2"), 2, services=("db",)),
        "web": Node(("w1",), 1, full_stop=True, services=("web",)),
    }
    order = {"db": (), "web": ("db", "missing"), "log": ("web",)}
    assert order_of(order, nodes) == {"db": (), "web": ("db",), "log": ("web",)}


def test_hosts_with_the_same_services_of_a_bundle_are_a_node_with_the_fewest_slots_of_them() -> None:
    nodes = make_nodes({"api": on("h1 h2 h3", 3), "sched": on("h2 h3 h4", 2)}, [("api", "sched")])
    assert nodes == {
        "+api": Node(("h1",), 3, services=("api",)),
        "+api+sched": Node(("h2", "h3"), 2, services=("api", "sched")),
        "+sched": Node(("h4",), 2, services=("sched",)),
    }
    assert order_of({"api": (), "sched": ("api",)}, nodes) == {
        "+api": (),
        "+api+sched": ("+api",),
        "+sched": ("+api", "+api+sched"),
    }


def test_a_bundle_that_stops_everywhere_is_one_node_whatever_its_hosts_have() -> None:
    changes = {"api": on("h1 h2", full_stop=True), "sched": on("h2 h3", full_stop=True)}
    (node,) = make_nodes(changes, [("api", "sched")]).values()
    assert (node.hosts, node.full_stop) == (("h1", "h2", "h3"), True)
    assert [node.on(host) for host in node.hosts] == [("api",), ("api", "sched"), ("sched",)]


def test_what_goes_between_services_of_a_bundle_makes_a_cycle() -> None:
    changes = {"api": on("h1"), "mq": on("m1"), "sched": on("h1")}
    with pytest.raises(CycleError) as raised:
        make_schedule({"api": (), "mq": ("api",), "sched": ("mq",)}, changes, bundles=[("api", "sched")])
    assert raised.value.cycle == ("+api+sched", "mq", "+api+sched")
