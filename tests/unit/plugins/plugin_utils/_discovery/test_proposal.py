"""What is proposed for what was seen: which units belong together, what each is, and what is said besides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposal import (
    Fleet,
    Proposal,
    Proposed,
    propose,
)
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.sightings import Seen, Sighting
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service

APACHE = Seen(
    "apache2.service", owner="apache2", packages=("apache2",), local=(80, 443), listens=True, page=True
)
CACHE = Seen("memcached.service", owner="memcached", packages=("memcached",), local=(11211,), listens=True)
POSTFIX = Seen(
    "postfix@-.service",
    umbrellas=("postfix.service",),
    owner="postfix",
    packages=("postfix",),
    local=(25,),
    listens=True,
)


def postgresql(cluster: str) -> Seen:
    packages = ("postgresql-common", f"postgresql-{cluster.partition('-')[0]}")
    return Seen(
        f"postgresql@{cluster}.service", umbrellas=("postgresql.service",), owner="postgresql-common",
        packages=packages, local=(5432,), listens=True,
    )  # fmt: skip


def proposed(known: tuple[Service, ...] = (), groups: Any = None, **hosts: Any) -> Proposal:
    sightings = {
        host: each if isinstance(each, Sighting) else Sighting(tuple(each)) for host, each in hosts.items()
    }
    return propose(Fleet(sightings, known, {"all": list(hosts), **(groups or {})}))


def service(name: str, *units: str, role: str = "") -> Service:
    return Service(name, role or f"orderly.services.{name}", Path("/roles") / name, name, units)


def test_a_service_is_proposed_with_its_group() -> None:
    found = proposed(a1=[APACHE], a2=[APACHE], c1=[CACHE])
    assert found.services == (
        Proposed("apache2", ("apache2.service",), ("apache2",), ("a1", "a2"), {"url": "http://localhost/"}),
        Proposed("memcached", ("memcached.service",), ("memcached",), ("c1",), {"port": 11211}),
    )
    assert found.groups == {"apache2": ("a1", "a2"), "memcached": ("c1",)}
    assert found.notes == ()


def test_the_budget_grows_with_the_hosts() -> None:
    budgets = [
        proposed(**{f"a{number}": [APACHE] for number in range(hosts)})
        .services[0]
        .settings["max_unavailable"]
        for hosts in (1, 2, 3, 4, 40)
    ]
    assert budgets == [1, 1, 1, "25%", "25%"]


def test_an_instance_comes_after_the_unit_that_groups_it() -> None:
    (found,) = proposed(h1=[POSTFIX], h2=[POSTFIX]).services
    assert (found.name, found.units) == ("postfix", ("postfix.service", "postfix@-.service"))


def test_clusters_of_several_releases_are_apart_and_that_is_said() -> None:
    found = proposed(d1=[postgresql("15-main")], d2=[postgresql("17-main")])
    assert [(each.name, each.units, each.packages) for each in found.services] == [
        (
            "postgresql_15_main",
            ("postgresql.service", "postgresql@15-main.service"),
            ("postgresql-15", "postgresql-common"),
        ),
        (
            "postgresql_17_main",
            ("postgresql.service", "postgresql@17-main.service"),
            ("postgresql-17", "postgresql-common"),
        ),
    ]
    assert (
        "all of package postgresql-common, and apart because they do not run on the same hosts"
        in found.notes[0]
    )


def test_a_unit_that_groups_two_services_of_a_host_is_of_one() -> None:
    found = proposed(d1=[postgresql("15-main"), postgresql("15-more")], d2=[postgresql("15-main")])
    assert [each.units for each in found.services] == [
        ("postgresql.service", "postgresql@15-main.service"),
        ("postgresql@15-more.service",),
    ]


def test_units_of_one_package_are_one_service_where_they_run_on_the_same_hosts() -> None:
    cleaner = Seen("apache-htcacheclean.service", owner="apache2", packages=("apache2", "apache2-utils"))
    (found,) = proposed(a1=[cleaner, APACHE], a2=[cleaner, APACHE]).services
    assert found.units == ("apache2.service", "apache-htcacheclean.service")
    assert found.packages == ("apache2", "apache2-utils")
    apart = proposed(a1=[cleaner, APACHE], a2=[APACHE])
    assert [(each.name, each.hosts) for each in apart.services] == [
        ("apache2", ("a1", "a2")),
        ("apache_htcacheclean", ("a1",)),
    ]


def test_what_hosts_do_not_share_is_left_out_and_said() -> None:
    other = replace(APACHE, packages=("apache2", "apache2-bin"), local=(8080,), page=False)
    found = proposed(a1=[APACHE], a2=[other])
    assert found.services[0].settings == {
        "units": ["apache2.service"],
        "packages": ["apache2"],
        "max_unavailable": 1,
    }
    assert found.notes == (
        "apache2: it listens, and at no TCP port of 127.0.0.1 that is the same on all its hosts, so that there is no "
        "verify. Write one, with a command if need be.",
        "apache2: not among its packages, as only some of its hosts have them: apache2-bin.",
    )


def test_a_port_that_the_kernel_chose_is_no_way_to_verify() -> None:
    (found,) = proposed(h1=[replace(CACHE, local=(40000,))]).services
    assert found.verify == {}


def test_what_cannot_be_upgraded_while_it_runs_is_held() -> None:
    database = Seen(
        "mariadb.service", owner="mariadb-server", packages=("mariadb-server",), hold="the preinst stops it"
    )
    found = proposed(**{f"d{number}": [database] for number in range(8)})
    assert found.services[0].settings["deferral"] == "hold"
    assert found.services[0].settings["max_unavailable"] == 1
    assert "(deferral: hold), as the preinst stops it (seen on d0)" in found.notes[0]


def test_what_no_package_owns_takes_part_in_rolls_alone() -> None:
    found = proposed(h1=[Seen("shop.service")])
    assert found.services[0].settings == {"units": ["shop.service"], "max_unavailable": 1}
    assert found.notes == ("shop: no package owns it, so that it takes part in rolls and not in upgrades.",)


def test_a_unit_of_a_role_is_covered_and_its_host_is_put_into_the_group() -> None:
    redis = Seen("redis-server.service", ("redis.service",))
    found = proposed((service("redis", "redis-server.service"),), h1=[redis])
    assert found.services == ()
    assert found.groups == {"redis": ("h1",)}
    assert found.notes == (
        "redis-server.service is covered by redis (the role orderly.services.redis), on h1.",
    )


def test_a_group_that_has_its_hosts_is_not_proposed() -> None:
    redis = Seen("redis-server.service")
    found = proposed((service("redis", "redis-server.service"),), {"redis": ["h1", "h2"]}, h1=[redis])
    assert found.groups == {}
    assert proposed(groups={"apache2": ["h1"]}, h1=[APACHE]).groups == {}


def test_a_service_that_lists_but_the_unit_that_groups_is_corrected() -> None:
    known = (replace(service("postfix", "postfix.service"), is_data=True),)
    found = proposed(known, {"postfix": ["h1"]}, h1=[POSTFIX])
    assert found.services == ()
    assert found.notes == (
        "postfix (orderly_services.postfix) lists postfix.service, which only groups postfix@-.service. Write that "
        "into its units too: else a restart of it is recorded, and no roll does it, on h1.",
    )


def test_a_group_with_other_hosts_is_named() -> None:
    found = proposed(groups={"apache2": ["h1", "h7"]}, h1=[APACHE], h2=[APACHE])
    assert found.groups == {"apache2": ("h1", "h2")}
    assert (
        "apache2: the inventory has a group of that name, with h7 in it, where it does not run"
        in found.notes[0]
    )


def test_a_name_of_a_host_or_of_another_service_is_not_taken() -> None:
    assert proposed(apache2=[APACHE]).services[0].name == "apache2_2"
    assert proposed((service("apache2", "httpd.service"),), h1=[APACHE]).services[0].name == "apache2_2"


def test_a_host_on_which_it_should_run_is_named() -> None:
    down = Sighting(stopped=(("apache2.service", "failed (failed)"), ("other.service", "inactive (dead)")))
    known = service("redis", "redis-server.service")
    both = replace(down, stopped=(*down.stopped, ("redis-server.service", "failed (failed)")))
    found = proposed((known,), h1=[APACHE], h2=both)
    assert found.groups == {"apache2": ("h1",)}
    assert found.notes == (
        "apache2.service is failed (failed) on h2, and so not in the group apache2. Start it first if it should run.",
        "other.service is inactive (dead) on h2, and so not proposed there. Start it first if it should run.",
    )


def test_what_is_left_out_has_a_reason() -> None:
    seen = Sighting(
        units=(Seen("drbd.service", refusal="a cluster manages it"),),
        ignored=("ssh.service", "cron.service"),
        on_demand=("cups.socket",),
        odd=("a b",),
        sees_all=False,
    )
    assert proposed(h1=seen, h2=seen).notes == (
        "drbd.service is left out: a cluster manages it, on h1, h2.",
        "cups.socket starts its service on demand, and is left out, on h1, h2.",
        '"a b" is not the name of a unit, and is left out, on h1, h2.',
        "Ports are not known, as it was not root who looked, on h1, h2.",
        "Left out (a restart of it interrupts nobody): cron, ssh.",
    )
