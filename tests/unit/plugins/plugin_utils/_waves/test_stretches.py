from __future__ import annotations

from itertools import chain

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._waves.pack import pack
from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules, Visit
from ansible_collections.orderly.services.plugins.plugin_utils._waves.stretches import stretches
from hypothesis import given

from ..waves_world import ANY_VISITS, RULES, Visits

ONE = {"web": 1, "db": 1, "lb": 1}


def cut(waves: str, rules: Rules, alone: str = "") -> str:
    """Cut waves as in ``w1=web d1=db, w2=web``; hosts of a stretch are told with their waves, as in ``w1 d1, w2``."""
    parsed = [
        [
            Visit(host, tuple(services.split("+")))
            for host, services in (word.split("=") for word in wave.split())
        ]
        for wave in waves.split(",")
    ]
    told = stretches(parsed, rules, alone.split())
    return " | ".join(", ".join(" ".join(visit.host for visit in wave) for wave in each) for each in told)


CASES: list[tuple[str, str, Rules, str, str]] = [
    ("slots alone need no barrier", "w1=web d1=db, w2=web", Rules(ONE), "", "w1 d1, w2"),
    ("nothing", "w1=web", Rules(ONE), "", "w1"),
    (
        "hosts of a service with another rank do",
        "w1=web, w2=web d1=db, w3=web, d2=db",
        Rules(ONE, ranks={"web": {"w3": 1}}),
        "",
        "w1, w2 d1 | w3, d2",
    ),
    (
        "an order between services does",
        "w1=web, w2=web d1=db, l1=lb, l2=lb",
        Rules(ONE, {"lb": ("web",), "web": (), "db": ()}),
        "",
        "w1, w2 d1 | l1, l2",
    ),
    (
        "failure domains do, and who has none goes with any",
        "w1=web, w2=web, w3=web, d1=db",
        Rules(ONE, domains={"w1": "a", "w2": "a", "w3": "b"}),
        "",
        "w1, w2 | w3, d1",
    ),
    (
        "the last host of its service begins when the others are done",
        "w1=web, w2=web d1=db, w3=web d2=db",
        Rules(ONE, last={"w3"}),
        "",
        "w1, w2 d1 | w3 d2",
    ),
    (
        "others do not wait for the last one of a service",
        "w1=web, d1=db",
        Rules(ONE, last={"w1"}),
        "",
        "w1, d1",
    ),
    (
        "who is down already is done before others begin",
        "w1=web, w2=web, w3=web",
        Rules(ONE),
        "w1",
        "w1 | w2, w3",
    ),
]


@pytest.mark.parametrize(
    ("waves", "rules", "alone", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_waves_are_cut_where_slots_alone_do_not_keep_hosts_apart(
    waves: str, rules: Rules, alone: str, expected: str
) -> None:
    assert cut(waves, rules, alone) == expected


@given(ANY_VISITS, RULES)
def test_hosts_of_a_stretch_may_go_in_any_company(visits: Visits, rules: Rules) -> None:
    waves = [[Visit(host, tuple(visits[host])) for host in wave] for wave in pack(visits, rules)]
    told = stretches(waves, rules)
    assert list(chain.from_iterable(told)) == waves
    for stretch in told:
        each = list(chain.from_iterable(stretch))
        assert len({rules.domains[visit.host] for visit in each if visit.host in rules.domains}) <= 1
        number = {visit.host: wave for wave, hosts in enumerate(stretch) for visit in hosts}
        for one in each:
            for other in each:
                if number[one.host] == number[other.host]:
                    continue
                apart = {name for service in one.services for name in rules.apart.get(service, ())}
                assert apart.isdisjoint(other.services)
                if one.host in rules.last:
                    assert not {*one.services} & {*other.services}
