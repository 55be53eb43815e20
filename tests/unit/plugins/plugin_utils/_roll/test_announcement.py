from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.placement import Placement
from ansible_collections.orderly.services.plugins.plugin_utils._roll.announcement import lines
from ansible_collections.orderly.services.plugins.plugin_utils._roll.roll import Fleet, plan_roll
from ansible_collections.orderly.services.plugins.plugin_utils._roll.survey import Unit
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service


def service(name: str, **settings: Any) -> Service:
    return Service(name, name, Path("/roles") / name, name, units=(f"{name}.service",), **settings)


NGINX = service("nginx")
HAPROXY = service("haproxy", after=(Dependency("nginx"),))
REDIS = service("redis")
SMALL = {"nginx": ["web1", "web2"], "haproxy": ["lb1"]}
LARGE = {
    "nginx": [f"web{number}" for number in range(1, 161)],
    "redis": [f"cache{number}" for number in range(1, 31)],
    "haproxy": [f"lb{number}" for number in range(1, 11)],
}


def told(services: list[Service], groups: dict[str, list[str]], **known: Any) -> list[str]:
    options = {name: known.pop(name) for name in ("sizes", "deferred_only") if name in known}
    words = {name: known.pop(name) for name in ("operation", "every_wave", "together") if name in known}
    pending = known.pop("pending", {host: [] for hosts in groups.values() for host in hosts})
    fleet = Fleet(services, groups, pending, **known)
    return lines(plan_roll(fleet, **{"deferred_only": False, **options}), **words)


def test_three_hosts_are_told_in_a_few_lines() -> None:
    assert told([NGINX, HAPROXY], SMALL) == [
        "Wave 1 of 3: web1 (nginx)",
        "Wave 2 of 3: web2 (nginx)",
        "Wave 3 of 3: lb1 (haproxy)",
        "Why 3 waves: nginx takes 2 (2 hosts, 1 at a time), then haproxy takes 1 (1 host).",
        "Each host begins as soon as its slots are free; after wave 2 all wait for each other.",
        "haproxy has no host other than lb1: it is down during wave 3.",
    ]


def test_two_hundred_hosts_are_told_in_a_few_lines_too() -> None:
    services = [service("nginx", max_unavailable="5%"), service("redis", max_unavailable=2), HAPROXY]
    assert told(services, LARGE) == [
        "Waves 1 to 15 of 30: 2 each of cache[1-30] (redis), 8 each of web[1-120] (nginx)",
        "Waves 16 to 20 of 30: 8 each of web[121-160] (nginx)",
        "Waves 21 to 30 of 30: 1 each of lb[1-10] (haproxy)",
        "Why 30 waves: nginx takes 20 (160 hosts, 8 at a time), then haproxy takes 10 (10 hosts, 1 at a time).",
        "Each host begins as soon as its slots are free; after wave 20 all wait for each other.",
    ]


def test_a_roll_without_barriers_says_so_and_one_with_a_barrier_after_each_wave_says_nothing() -> None:
    free = "Each host begins as soon as its slots are free."
    web = {"nginx": ["web1", "web2", "web3"]}
    assert free in told([NGINX], web)
    assert told([NGINX], web, together=True) == told([NGINX], web, sizes=(1,), together=True)[:-1]
    assert not [line for line in told([NGINX], web, sizes=(1,)) if "begins" in line]


def test_who_is_down_is_told_before_anything_is_done() -> None:
    units = {
        "web1": {"nginx.service": Unit("nginx.service", "down", "failed (failed)")},
        "web2": {"nginx.service": Unit("nginx.service", "stopped", "inactive (dead)")},
        "lb1": {"haproxy.service": Unit("haproxy.service", "masked", "inactive (dead)")},
    }
    said = told([NGINX, HAPROXY], SMALL, units=units)
    assert [line for line in said if "Wave" not in line and "wave" not in line] == [
        "Down before anything was done: web1 (nginx): nginx.service is failed (failed); it goes first, as that takes "
        "nobody else down.",
        "Down before anything was done: web2 (nginx): nginx.service is inactive (dead); it counts against the budget "
        "of nginx, as this roll does not start it: start or disable it.",
        "Not started, and left as it is: nginx.service is inactive (dead), as somebody stopped it, on web2.",
        "Not started, and left as it is: haproxy.service is inactive (dead), as it is masked, on lb1.",
    ]


def test_what_a_run_leaves_out_is_told() -> None:
    refusal = Unit("nginx.service", "up", "active (running)", "it refuses to be stopped by hand")
    said = told(
        [NGINX, HAPROXY],
        SMALL,
        pending={"web1": ["nginx.service"], "lb1": ["haproxy.service"]},
        deferred_only=True,
        units={"web1": {"nginx.service": refusal}},
        held={"web2": ["nginx"]},
    )
    assert said[-2:] == [
        "Left behind by an earlier run, and not part of this one: web2 (nginx). They keep their slots, which count: "
        "the playbook orderly.services.recover puts them back.",
        "Left pending on web1: nginx.service: it refuses to be stopped by hand.",
    ]


def test_every_wave_is_told_to_those_who_want_it() -> None:
    services = [service("nginx", max_unavailable="5%"), service("redis", max_unavailable=2), HAPROXY]
    waves = told(services, LARGE, every_wave=True)
    assert waves[1] == "Wave 2 of 30: 10 hosts, cache3 (redis), cache4 (redis), web[9-16] (nginx)"
    assert len(waves) == 32


REASONS: list[tuple[dict[str, Any], str]] = [
    (
        {"placement": Placement(domains={"web1": "b", "web2": "a", "db9": "c"})},
        "One failure domain at a time: a, b.",
    ),
    ({"placement": Placement(last=frozenset({"web1", "db9"}))}, "Last of their services: web1."),
    ({"held": {"web2": ["nginx"], "db9": ["db"]}}, "First, hosts that an earlier run left behind: web2."),
    ({"sizes": (1, "100%")}, "Wave sizes as given: 1, 100% of 3 hosts; budgets may make them smaller."),
    (
        {"out_of_service": {"nginx": {"web1": "disk"}, "haproxy": {"lb1": "disk"}}},
        "Out of service and skipped: lb1 (haproxy), web1 (nginx): disk",
    ),
    (
        {"out_of_service": {"nginx": {"web1": "disk"}}},
        "nginx has no other host to serve, because web1 is out of service: it is down during wave 1.",
    ),
    (
        {"pending": {host: ["ssh.service"] for host in ("web1", "web2", "lb1")}},
        "Pending, but not part of any service: ssh.service on lb1, web1, web2; a service whose "
        "units list them has them restarted in its rolls; without one, the module orderly.services.restart_services "
        "restarts them.",
    ),
    (
        {
            "pending": {"lb1": ["contd.service"]},
            "along": {"lb1": {"contd.service": [*HAPROXY.units]}},
            "out_of_service": {"haproxy": {"lb1": "disk"}},
        },
        "Left pending on lb1: contd.service, which takes units of haproxy along: it is restarted by a roll that visits "
        "these services there.",
    ),
    (
        {
            "pending": {"web1": ["nginx.service"]},
            "deferred_only": True,
            "groups": {"nginx": ["web1", "web2"], "haproxy": ["web1"]},
            "units": {"web1": {"nginx.service": Unit("nginx.service", "up", "active", "", HAPROXY.units)}},
        },
        "Visited for haproxy, too: web1, as systemd restarts units of haproxy along with nginx.service.",
    ),
]


@pytest.mark.parametrize(("known", "line"), REASONS)
def test_what_people_should_know_is_said_once(known: dict[str, Any], line: str) -> None:
    assert told([NGINX, HAPROXY], **{"groups": SMALL, **known}).count(line) == 1


def test_a_budget_that_takes_everything_is_said() -> None:
    said = told([service("nginx", max_unavailable=2)], {"nginx": ["web1", "web2"]})
    assert said == [
        "Wave 1 of 1: web1 (nginx), web2 (nginx)",
        "The budget of nginx allows all its 2 hosts at once: it is down during wave 1.",
    ]


def test_nothing_to_do_is_one_line() -> None:
    assert told([NGINX], SMALL, deferred_only=True) == ["Nothing needs to be restarted."]
    assert told([NGINX], SMALL, pending={}, operation="paint") == ["paint: there are no hosts to visit."]
