from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.graph import (
    CycleError,
    closure,
    levels,
)
from ansible_collections.orderly.services.plugins.plugin_utils._common.text import natural
from hypothesis import given
from hypothesis import strategies as st

NAMES = "abcdef"
# Edges only from later to earlier letters: never a cycle.
ACYCLIC = st.fixed_dictionaries(
    {name: st.sets(st.sampled_from(NAMES[: NAMES.index(name)] or "?")) for name in NAMES}
)

SORTED = [
    ["web1", "web2", "web10"],
    ["a", "a1", "a1b", "ab"],
    ["1", "2", "10", "a"],
    ["rack1-web9", "rack1-web10", "rack2-web1"],
]


@pytest.mark.parametrize("names", SORTED, ids=" ".join)
def test_names_sort_as_people_count(names: list[str]) -> None:
    assert min(permutations(names), key=lambda order: [natural(name) for name in order]) == tuple(names)


LEVELS = [
    ({}, ()),
    ({"b": (), "a": ()}, (("a", "b"),)),
    ({"web": ("db",), "db": (), "lb": ("web", "db")}, (("db",), ("web",), ("lb",))),
    ({"web": ("missing",)}, (("web",),)),
    ({"d": ("b", "c"), "c": ("a",), "b": (), "a": ()}, (("a", "b"), ("c",), ("d",))),
]


@pytest.mark.parametrize(("predecessors", "expected"), LEVELS)
def test_a_name_is_one_level_above_the_highest_before_it(
    predecessors: dict[str, tuple[str, ...]], expected: tuple[tuple[str, ...], ...]
) -> None:
    assert levels(predecessors) == expected


CYCLES = [
    ({"a": ("a",)}, "a → a"),
    ({"a": ("b",), "b": ("a",)}, "a → b → a"),
    ({"a": ("b",), "b": ("c",), "c": ("a",), "x": ("y",), "y": ("x",)}, "x → y → x"),
    ({"first": (), "a": ("first", "b"), "b": ("a",), "last": ("a",)}, "a → b → a"),
]


@pytest.mark.parametrize(("predecessors", "cycle"), CYCLES, ids=[cycle for _graph, cycle in CYCLES])
def test_the_shortest_cycle_is_printed_from_its_begin_to_its_begin(
    predecessors: dict[str, tuple[str, ...]], cycle: str
) -> None:
    with pytest.raises(CycleError) as caught:
        levels(predecessors)
    assert str(caught.value) == cycle


def test_the_closure_of_a_name_holds_what_is_before_it_at_any_distance() -> None:
    graph = {"lb": ("web",), "web": ("db", "missing"), "db": (), "other": ("lb",)}
    assert closure(graph, "lb") == {"web", "db"}


@given(ACYCLIC)
def test_levels_hold_every_name_once_and_respect_every_edge(graph: dict[str, set[str]]) -> None:
    result = levels(graph)
    assert sorted(name for level in result for name in level) == sorted(graph)
    height = {name: number for number, level in enumerate(result) for name in level}
    assert all(
        height[before] < height[name] for name, befores in graph.items() for before in befores & graph.keys()
    )


@given(ACYCLIC, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_an_edge_back_to_what_depends_on_a_name_is_always_found(
    graph: dict[str, set[str]], one: str, other: str
) -> None:
    if one != other and other not in closure(graph, one):
        return
    graph = {**graph, other: {*graph[other], one}}
    with pytest.raises(CycleError) as caught:
        levels(graph)
    cycle = caught.value.cycle
    assert cycle[0] == cycle[-1]
    assert all(after in graph[before] for before, after in pairwise(cycle))
