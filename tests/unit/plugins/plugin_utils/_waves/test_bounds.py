from __future__ import annotations

import random
from statistics import mean

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._waves.bounds import fewest
from ansible_collections.orderly.services.plugins.plugin_utils._waves.pack import pack
from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules, Visit
from hypothesis import given

from ..waves_world import ANY_VISITS, ONE_EACH, ORDER, RULES, Visits


@given(ANY_VISITS, RULES)
def test_there_are_never_fewer_waves_than_the_bound(visits: Visits, rules: Rules) -> None:
    assert len(pack(visits, rules)) >= fewest((Visit(host, tuple(s)) for host, s in visits.items()), rules)


BOUNDS: list[tuple[str, Visits, Rules, int]] = [
    ("the busiest service", {"w1": ["web"], "w2": ["web"], "d1": ["db"]}, Rules(ONE_EACH), 2),
    ("services after each other", {"w1": ["web"], "w2": ["web"], "d1": ["db"]}, Rules(ONE_EACH, ORDER), 3),
    (
        "a host of two services hands the order on from one to the other",
        {"d1": ["db"], "m1": ["web", "cache"], "l1": ["lb"]},
        Rules(ONE_EACH, {**ORDER, "lb": ("cache",)}),
        3,
    ),
    (
        "failure domains one after the other",
        {"w1": ["web"], "d1": ["db"]},
        Rules(ONE_EACH, domains={"w1": "a", "d1": "b"}),
        2,
    ),
    ("hosts that wait for each other", {"h1": ["web", "lb"], "h2": ["db", "cache"]},
     Rules(ONE_EACH, {**ORDER, "cache": ("lb",)}), 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("visits", "rules", "expected"), [case[1:] for case in BOUNDS], ids=[case[0] for case in BOUNDS]
)
def test_the_bound_counts(visits: Visits, rules: Rules, expected: int) -> None:
    bound = fewest((Visit(host, tuple(names)) for host, names in visits.items()), rules)
    assert (bound, len(pack(visits, rules)) >= bound) == (expected, True)


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
        rules = Rules({name: dice.randint(1, 5) for name in names})
        bound = fewest((Visit(host, tuple(names)) for host, names in visits.items()), rules)
        ratios.append(len(pack(visits, rules)) / bound)
    assert mean(ratios) <= 1.05
