from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._waves.pack import pack
from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules
from hypothesis import given
from hypothesis import strategies as st

from ..waves_world import ANY_VISITS, HOSTS, ONE_EACH, ORDER, RULES, SLOTS, Visits

if TYPE_CHECKING:
    import random

WAVES: list[tuple[str, Visits, Rules, dict[str, Any], str]] = [
    ("nothing", {}, Rules({"web": 1}), {}, ""),
    (
        "one at a time",
        {"w1": ["web"], "w2": ["web"], "w10": ["web"]},
        Rules({"web": 1}),
        {},
        "w1 | w2 | w10",
    ),
    ("two at a time", {"w1": ["web"], "w2": ["web"], "w3": ["web"]}, Rules({"web": 2}), {}, "w1 w2 | w3"),
    ("services side by side", {"w1": ["web"], "d1": ["db"]}, Rules(ONE_EACH), {}, "d1 w1"),
    (
        "a host of both fills both",
        {"h1": ["web", "db"], "w1": ["web"], "d1": ["db"]},
        Rules(ONE_EACH),
        {},
        "h1 | d1 w1",
    ),
    (
        "the busiest service goes first",
        {"h1": ["db"], "h2": ["db", "cache"], "h3": ["web", "cache"], "h4": ["web"], "h5": ["web"]},
        Rules(ONE_EACH),
        {},
        "h1 h3 | h2 h4 | h5",
    ),
    ("no limit", {"w1": ["web"], "w2": ["web"]}, Rules({}), {}, "w1 w2"),
    (
        "hosts left behind come first",
        {"w1": ["web"], "w2": ["web"], "w3": ["web"]},
        Rules(ONE_EACH),
        {"first": ["w3"]},
        "w3 | w1 | w2",
    ),
    (
        "what comes before goes before, and shares no wave",
        {"a1": ["web"], "b1": ["db"], "b2": ["db"], "c1": ["cache"]},
        Rules(ONE_EACH, ORDER),
        {},
        "b1 c1 | b2 | a1",
    ),
    (
        "a host of two services waits for the hosts of one of them",
        {"a1": ["web"], "b1": ["db", "lb"], "c1": ["cache"]},
        Rules(ONE_EACH, {**ORDER, "lb": ("cache",)}),
        {},
        "c1 | b1 | a1",
    ),
    (
        "a primary goes last, whatever else its replicas run",
        {"r1": ["db"], "r2": ["db"], "r3": ["db", "web"], "c1": ["cache"]},
        Rules(ONE_EACH, {"web": ("cache",), "cache": ()}, last={"r1"}),
        {},
        "c1 r2 | r3 | r1",
    ),
    (
        "a primary shares the last wave where the budget allows",
        {"r1": ["db"], "r2": ["db"], "r3": ["db"], "r4": ["db"]},
        Rules({"db": 2}, last={"r1"}),
        {},
        "r2 r3 | r1 r4",
    ),
    (
        "one failure domain at a time, be it of different services",
        {"w1": ["web"], "w2": ["web"], "d1": ["db"], "d2": ["db"]},
        Rules({"web": 2, "db": 2}, domains={"w1": "a", "w2": "b", "d1": "b", "d2": "a"}),
        {},
        "d1 w2 | d2 w1",
    ),
    (
        "hosts without a failure domain go with any",
        {"w1": ["web"], "w2": ["web"], "c1": ["cache"]},
        Rules({"web": 2}, domains={"w1": "a", "w2": "b"}),
        {},
        "c1 w1 | w2",
    ),
    (
        "a canary, then the others",
        {f"w{number}": ["web"] for number in range(1, 6)},
        Rules({}),
        {"batches": [1, "100%"]},
        "w1 | w2 w3 w4 w5",
    ),
    (
        "the last size repeats, percentages round down to one at least",
        {f"w{number}": ["web"] for number in range(1, 6)},
        Rules({}),
        {"batches": [2, "39%"]},
        "w1 w2 | w3 | w4 | w5",
    ),
    (
        "a batch that exceeds a budget takes several waves",
        {f"w{number}": ["web"] for number in range(1, 6)},
        Rules({"web": 2}),
        {"batches": [1, "100%"]},
        "w1 | w2 w3 | w4 w5",
    ),
]


@pytest.mark.parametrize(
    ("visits", "rules", "options", "expected"), [case[1:] for case in WAVES], ids=[case[0] for case in WAVES]
)
def test_hosts_are_packed_into_few_waves(
    visits: Visits, rules: Rules, options: dict[str, Any], expected: str
) -> None:
    assert " | ".join(" ".join(wave) for wave in pack(visits, rules, **options)) == expected


# --- Properties ---

ROLES = [["web"], ["db"], ["cache"], ["lb"], ["db", "cache"], ["web", "cache"], ["web", "lb"]]
# Hosts that run both ends of an order cannot all go before and after each other.
ORDERED_VISITS = st.dictionaries(HOSTS, st.sampled_from(ROLES), max_size=20)
BATCHES = st.lists(st.sampled_from([1, 2, 5, "10%", "50%", "100%"]), max_size=3)


@given(ANY_VISITS, RULES, st.sets(HOSTS, max_size=3), BATCHES)
def test_every_host_is_in_one_wave_that_keeps_to_all_budgets_and_to_one_failure_domain(
    visits: Visits, rules: Rules, first: set[str], batches: list[int | str]
) -> None:
    waves = pack(visits, rules, first, batches)
    assert Counter(host for wave in waves for host in wave) == Counter(list(visits))
    assert all(waves)
    for wave in waves:
        used = Counter(service for host in wave for service in visits[host])
        assert all(used[service] <= rules.slots[service] for service in used)
        assert len({rules.domains[host] for host in wave if host in rules.domains}) <= 1
        if rules.befores and used["web"] and used["db"]:
            assert sum(not {"web", "db"}.isdisjoint(visits[host]) for host in wave) == 1


@given(ANY_VISITS, RULES, st.sets(HOSTS, max_size=3), BATCHES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(
    visits: Visits, rules: Rules, first: set[str], batches: list[int | str], dice: random.Random
) -> None:
    shuffled = {
        host: dice.sample(visits[host], len(visits[host])) for host in dice.sample(list(visits), len(visits))
    }
    assert pack(shuffled, rules, first, batches) == pack(visits, rules, first, batches)


@given(ORDERED_VISITS, SLOTS)
def test_hosts_of_a_service_go_after_all_hosts_of_what_it_comes_after(
    visits: Visits, slots: dict[str, int]
) -> None:
    waves = pack(visits, Rules(slots, ORDER))
    where = {host: number for number, wave in enumerate(waves) for host in wave}
    first_web = min((where[host] for host in visits if "web" in visits[host]), default=len(waves))
    assert all(where[host] < first_web for host in visits if "db" in visits[host])


@given(ANY_VISITS, SLOTS, HOSTS)
def test_a_host_that_is_last_is_in_the_last_wave_of_each_of_its_services(
    visits: Visits, slots: dict[str, int], primary: str
) -> None:
    visits = {**visits, primary: ["db"]}
    waves = pack(visits, Rules(slots, last={primary}))
    ends = max(number for number, wave in enumerate(waves) if any("db" in visits[host] for host in wave))
    assert primary in waves[ends]


@given(ANY_VISITS, SLOTS, BATCHES)
def test_waves_of_one_batch_come_before_those_of_the_next(
    visits: Visits, slots: dict[str, int], batches: list[int | str]
) -> None:
    waves = pack(visits, Rules(slots), batches=[2, *batches])
    if visits:
        canaries = pack(visits, Rules({}), batches=[2])[0]
        assert {
            host
            for wave in waves[: len(pack({h: visits[h] for h in canaries}, Rules(slots)))]
            for host in wave
        } == set(canaries)


RANKS = st.dictionaries(HOSTS, st.integers(0, 2))


@given(ANY_VISITS, SLOTS, st.sampled_from(["web", "db"]), RANKS)
def test_hosts_with_a_higher_rank_go_after_all_with_a_lower_one(
    visits: Visits, slots: dict[str, int], name: str, ranks: dict[str, int]
) -> None:
    waves = pack(visits, Rules(slots, ranks={name: ranks}))
    assert sorted(host for wave in waves for host in wave) == sorted(visits)
    order = [{ranks.get(host, 0) for host in wave if name in visits[host]} for wave in waves]
    told = [each for each in order if each]
    assert all(len(each) == 1 for each in told)
    assert told == sorted(told, key=max)


@given(ANY_VISITS, SLOTS, RANKS, RANKS)
def test_services_that_rank_hosts_against_each_other_leave_no_host_out(
    visits: Visits, slots: dict[str, int], one: dict[str, int], other: dict[str, int]
) -> None:
    rules = Rules(slots, ranks={"web": one, "db": other})
    waves = pack(visits, rules)
    assert sorted(host for wave in waves for host in wave) == sorted(visits)
    for wave in waves:
        for name, ranks in rules.ranks.items():
            assert len({ranks.get(host, 0) for host in wave if name in visits[host]}) <= 1
