from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.graph import CycleError
from ansible_collections.orderly.services.plugins.plugin_utils._waves.bounds import fewest
from ansible_collections.orderly.services.plugins.plugin_utils._waves.nodes import Change
from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules, Visit
from ansible_collections.orderly.services.plugins.plugin_utils._waves.schedule import Schedule, make_schedule
from hypothesis import assume, given
from hypothesis import strategies as st

if TYPE_CHECKING:
    import random

Order = dict[str, tuple[str, ...]]
Changes = dict[str, Change]


def on(hosts: str, slots: int = 1, *, full_stop: bool = False) -> Change:
    return Change(tuple(hosts.split()), slots, full_stop)


def words(schedule: Schedule) -> str:
    return " | ".join(
        ", ".join(f"{name} {' '.join(hosts)}" for name, hosts in wave.items()) for wave in schedule.waves
    )


SCHEDULES: list[tuple[str, Order, Changes, str]] = [
    (
        "no service waits for what it does not come after",
        {"log": (), "db": (), "web": ("db",)},
        {"log": on("l1 l2 l3"), "db": on("d1"), "web": on("w1")},
        "db d1, log l1 | log l2, web w1 | log l3",
    ),
    (
        "a host is visited once for services without an order between them, though one of them may go earlier",
        {"log": (), "db": (), "web": ("db",)},
        {"log": on("w1 w2", 2), "db": on("d1"), "web": on("w1 w2", 2)},
        "db d1 | log w1 w2, web w1 w2",
    ),
    (
        "a host is visited again where one visit would take more waves",
        {"db": (), "log": (), "web": ("log",)},
        {"db": on("h1 h2 h3"), "log": on("h1 h2 h3", 3), "web": on("w1 w2")},
        "db h1, log h1 h2 h3 | db h2, web w1 | db h3, web w2",
    ),
    (
        "what comes after something that does not change waits for what that waits for",
        {"db": (), "api": ("db",), "web": ("api",)},
        {"db": on("h1 h2"), "web": on("h3")},
        "db h1 | db h2 | web h3",
    ),
    (
        "a full stop goes as soon as it can, in a wave of its own",
        {"log": (), "db": (), "mq": ("db",), "web": ("mq",)},
        {"log": on("l1 l2 l3 l4"), "db": on("d1"), "mq": on("m1 m2", 2, full_stop=True), "web": on("w1")},
        "db d1, log l1 | mq m1 m2 | log l2, web w1 | log l3 | log l4",
    ),
]


@pytest.mark.parametrize(
    ("order", "changes", "expected"), [case[1:] for case in SCHEDULES], ids=[case[0] for case in SCHEDULES]
)
def test_waves_are_packed_over_the_whole_graph(order: Order, changes: Changes, expected: str) -> None:
    assert words(make_schedule(order, changes)) == expected


def test_a_primary_goes_last_though_its_service_has_time() -> None:
    order: Order = {"log": (), "db": (), "web": ("db",)}
    changes = {"log": on("l1 l2 p"), "db": on("d1"), "web": on("w1")}
    assert words(make_schedule(order, changes, last={"p"})) == "db d1, log l1 | log l2, web w1 | log p"


def test_one_failure_domain_at_a_time() -> None:
    changes = {"db": on("d1 d2", 2), "log": on("l1 l2", 2)}
    domains = {"d1": "a", "d2": "b", "l1": "b", "l2": "a"}
    assert words(make_schedule({"db": (), "log": ()}, changes, domains)) == "db d1, log l2 | db d2, log l1"


def test_failure_domains_take_turns_as_what_most_waits_for_needs_them() -> None:
    order: Order = {"log": (), "mq": (), "db": (), "web": ("db",), "lb": ("web",)}
    changes = {
        "log": on("h1 h2 h5"),
        "mq": on("h3 h5"),
        "db": on("h2"),
        "web": on("h1 h4"),
        "lb": on("h1 h3 h4"),
    }
    domains = {"h1": "b", "h2": "a", "h3": "a", "h4": "b", "h5": "a"}
    assert (
        len(make_schedule(order, changes, domains).waves) == 6
    )  # the chain alone; whoever comes first makes it 7


def test_services_are_done_after_their_last_wave_or_that_of_what_they_come_after() -> None:
    order: Order = {"db": (), "api": ("db",), "web": (), "log": ("web",)}
    assert make_schedule(order, {"db": on("h1 h2")}).done == {"db": 2, "api": 2, "web": 0, "log": 0}


def test_services_that_wait_for_each_other_are_named() -> None:
    with pytest.raises(CycleError, match="db → web → db"):
        make_schedule({"db": ("web",), "web": ("db",)}, {})


# --- Properties ---

NAMES = tuple("abcdefgh")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Order, Changes]:
    """Draw services with an order between them, most of them changing on some hosts."""
    order = {
        name: tuple(sorted(draw(st.sets(st.sampled_from(NAMES[:number]), max_size=2)))) if number else ()
        for number, name in enumerate(NAMES)
    }
    hosts = st.sets(st.integers(1, 9).map("h{}".format), min_size=1)
    changes = {
        name: Change(tuple(sorted(draw(hosts))), draw(st.integers(1, 4)), draw(st.integers(0, 9)) == 0)
        for name in NAMES
        if draw(st.integers(0, 5))
    }
    return order, changes


@given(graphs())
def test_no_service_changes_before_all_that_it_comes_after_is_done(graph: tuple[Order, Changes]) -> None:
    order, changes = graph
    schedule = make_schedule(order, changes)
    rules = Rules({}, order)
    for number, wave in enumerate(schedule.waves):
        for name in wave:
            assert all(schedule.done[before] <= number for before in rules.earlier[name])


@given(graphs())
def test_every_host_of_every_service_changes_once_within_its_budget(graph: tuple[Order, Changes]) -> None:
    _order, changes = graph
    schedule = make_schedule(*graph)
    for name, change in changes.items():
        waves = [wave for wave in schedule.waves if name in wave]
        assert sorted(host for wave in waves for host in wave[name]) == sorted(change.hosts)
        if change.full_stop:
            assert waves == [{name: change.hosts}]
        assert change.full_stop or all(len(wave[name]) <= change.slots for wave in waves)


@given(graphs())
def test_there_are_as_few_waves_as_budgets_and_order_allow(graph: tuple[Order, Changes]) -> None:
    order, changes = graph
    rolling = {name: change for name, change in changes.items() if not change.full_stop}
    each = [Visit(host, (name,)) for name, change in rolling.items() for host in change.hosts]
    bound = fewest(each, Rules({name: change.slots for name, change in rolling.items()}, order))
    assert len(make_schedule(order, changes).waves) == bound + len(changes) - len(rolling)


DOMAINS = st.dictionaries(st.integers(1, 9).map("h{}".format), st.sampled_from("abc"))


@given(graphs(), DOMAINS)
def test_with_failure_domains_all_that_still_holds(
    graph: tuple[Order, Changes], domains: dict[str, str]
) -> None:
    order, changes = graph
    schedule = make_schedule(order, changes, domains)
    rules = Rules({}, order)
    for number, wave in enumerate(schedule.waves):
        stops = {name for name in wave if changes[name].full_stop}
        hosts = {host for name in wave.keys() - stops for host in wave[name]}
        assert wave
        assert len({domains[host] for host in hosts & domains.keys()}) <= 1
        for name in wave:
            assert all(schedule.done[before] <= number for before in rules.earlier[name])
            assert name in stops or len(wave[name]) <= changes[name].slots
    done = [(name, host) for wave in schedule.waves for name in wave for host in wave[name]]
    assert sorted(done) == sorted((name, host) for name in changes for host in changes[name].hosts)


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(graph: tuple[Order, Changes], dice: random.Random) -> None:
    order, changes = graph
    shuffled = {
        name: Change(
            tuple(dice.sample(change.hosts, len(change.hosts))) if not change.full_stop else change.hosts,
            change.slots,
            change.full_stop,
        )
        for name, change in dice.sample(list(changes.items()), len(changes))
    }
    again = make_schedule(dict(dice.sample(list(order.items()), len(order))), shuffled)
    assert words(again) == words(make_schedule(order, changes))


@st.composite
def bundled(draw: st.DrawFn) -> tuple[Order, Changes, list[tuple[str, ...]]]:
    """Draw services some of which change together, as their order allows."""
    order, changes = draw(graphs())
    rest, bundles = list(changes), []
    for _number in range(draw(st.integers(1, 2))):
        size = draw(st.integers(0, 3))
        bundle, rest = tuple(rest[:size]), rest[size:]
        bundles.append(bundle)
        stops = any(changes[name].full_stop for name in bundle)
        changes |= {name: replace(changes[name], full_stop=stops) for name in bundle}
    try:
        make_schedule(order, changes, bundles=bundles)
    except CycleError:
        assume(False)
    return order, changes, bundles


def waves_of(schedule: Schedule, name: str) -> dict[str, int]:
    """Give the wave in which a service changes on each host."""
    return {host: number for number, wave in enumerate(schedule.waves) for host in wave.get(name, ())}


@given(bundled(), DOMAINS)
def test_bundles_change_together_on_every_host_within_all_budgets_and_in_order(
    graph: tuple[Order, Changes, list[tuple[str, ...]]], domains: dict[str, str]
) -> None:
    order, changes, bundles = graph
    schedule = make_schedule(order, changes, domains, bundles=bundles)
    at = {name: waves_of(schedule, name) for name in changes}
    assert {name: set(change.hosts) for name, change in changes.items()} == {
        name: set(at[name]) for name in at
    }
    together = {(one, other) for bundle in bundles for one in bundle for other in bundle}
    for one, other in together:
        assert all(at[other][host] == wave for host, wave in at[one].items() if host in at[other])
    earlier = Rules({}, order).earlier
    for name, change in changes.items():
        assert len(set(at[name].values())) == 1 or not change.full_stop
        assert change.full_stop or max(Counter(at[name].values()).values()) <= change.slots
        assert schedule.done[name] == max(at[name].values()) + 1
        for before in earlier[name] & changes.keys():
            for host, wave in at[name].items():
                first = [
                    where
                    for there, where in at[before].items()
                    if (name, before) not in together or there not in at[name] or host not in at[before]
                ]
                assert all(where < wave for where in first) or (
                    (name, before) in together and change.full_stop
                )
