from __future__ import annotations

import random
from collections import Counter
from math import ceil
from statistics import mean

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._waves import pack
from hypothesis import given
from hypothesis import strategies as st

Visits = dict[str, list[str]]

SERVICES = ("web", "db", "cache", "lb")
VISITS = st.dictionaries(
    st.integers(1, 40).map("h{}".format),
    st.lists(st.sampled_from(SERVICES), min_size=1, unique=True),
    max_size=30,
)
SLOTS = st.fixed_dictionaries({service: st.integers(1, 6) for service in SERVICES})

WAVES = [
    ("nothing", {}, {"web": 1}, []),
    ("one at a time", {"w1": ["web"], "w2": ["web"], "w10": ["web"]}, {"web": 1}, [["w1"], ["w2"], ["w10"]]),
    ("two at a time", {"w1": ["web"], "w2": ["web"], "w3": ["web"]}, {"web": 2}, [["w1", "w2"], ["w3"]]),
    ("services side by side", {"w1": ["web"], "d1": ["db"]}, {"web": 1, "db": 1}, [["d1", "w1"]]),
    (
        "a host of both fills both",
        {"h1": ["web", "db"], "w1": ["web"], "d1": ["db"]},
        {"web": 1, "db": 1},
        [["d1", "w1"], ["h1"]],
    ),
    ("no limit", {"w1": ["web"], "w2": ["web"]}, {}, [["w1", "w2"]]),
]


@pytest.mark.parametrize(
    ("visits", "slots", "expected"), [case[1:] for case in WAVES], ids=[case[0] for case in WAVES]
)
def test_hosts_are_packed_into_few_waves(
    visits: Visits, slots: dict[str, int], expected: list[list[str]]
) -> None:
    assert [list(wave) for wave in pack(visits, slots)] == expected


def test_hosts_left_behind_come_first() -> None:
    visits = {host: ["web"] for host in ("w1", "w2", "w3")}
    assert pack(visits, {"web": 1}, first=["w3"]) == (("w3",), ("w1",), ("w2",))


def test_what_comes_before_goes_before_and_shares_no_wave() -> None:
    visits = {"a1": ["web"], "b1": ["db"], "b2": ["db"], "c1": ["cache"]}
    waves = pack(visits, dict.fromkeys(SERVICES, 1), befores={"web": ("db",), "db": (), "cache": ()})
    assert waves == (("b1", "c1"), ("b2",), ("a1",))


@given(VISITS, SLOTS)
def test_every_host_is_in_exactly_one_wave_and_no_wave_exceeds_a_budget(
    visits: Visits, slots: dict[str, int]
) -> None:
    waves = pack(visits, slots)
    assert Counter(host for wave in waves for host in wave) == Counter(list(visits))
    for wave in waves:
        used = Counter(service for host in wave for service in visits[host])
        assert all(used[service] <= slots[service] for service in used)


@given(VISITS, SLOTS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(
    visits: Visits, slots: dict[str, int], dice: random.Random
) -> None:
    hosts = dice.sample(list(visits), len(visits))
    shuffled = {host: dice.sample(visits[host], len(visits[host])) for host in hosts}
    assert pack(shuffled, slots) == pack(visits, slots)


BEFORES = {"web": ("db",), "db": (), "cache": (), "lb": ()}
ROLES = [["web"], ["db"], ["cache"], ["lb"], ["db", "cache"], ["web", "cache"], ["web", "lb"]]


@given(st.dictionaries(st.integers(1, 40).map("h{}".format), st.sampled_from(ROLES), max_size=15), SLOTS)
def test_hosts_of_a_service_go_after_all_hosts_of_what_it_comes_after(
    visits: Visits, slots: dict[str, int]
) -> None:
    waves = pack(visits, slots, befores=BEFORES)
    where = {host: number for number, wave in enumerate(waves) for host in wave}
    first_web = min((where[host] for host in visits if "web" in visits[host]), default=len(waves))
    assert all(where[host] < first_web for host in visits if "db" in visits[host])


def bound(visits: Visits, slots: dict[str, int]) -> int:
    """Count the waves that no packing can do with less of: the busiest service fills each of them."""
    hosts = Counter(service for services in visits.values() for service in services)
    return max((ceil(count / slots[service]) for service, count in hosts.items()), default=0)


@given(VISITS, SLOTS)
def test_there_are_never_fewer_waves_than_the_busiest_service_needs(
    visits: Visits, slots: dict[str, int]
) -> None:
    assert len(pack(visits, slots)) >= bound(visits, slots)


FLEETS = [(20, 3), (60, 6), (200, 12), (200, 30)]


@pytest.mark.parametrize(("hosts", "services"), FLEETS)
def test_waves_are_within_five_percent_of_the_bound_on_average(hosts: int, services: int) -> None:
    dice = random.Random(0)  # noqa: S311 - the same fleets each time
    ratios = []
    for _fleet in range(50):
        names = [f"s{number}" for number in range(services)]
        visits = {
            f"h{number}": dice.sample(names, dice.randint(1, min(4, services))) for number in range(hosts)
        }
        slots = {name: dice.randint(1, 5) for name in names}
        ratios.append(len(pack(visits, slots)) / bound(visits, slots))
    assert mean(ratios) <= 1.05
