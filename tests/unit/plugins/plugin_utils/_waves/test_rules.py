from __future__ import annotations

from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules
from hypothesis import given
from hypothesis import strategies as st

CHAIN = Rules({}, {"web": ("cache", "db"), "cache": ("db",), "db": (), "dns": ()})


def test_what_comes_before_counts_at_any_distance() -> None:
    deep = Rules({}, {"web": ("cache",), "cache": ("db",), "db": ()})
    assert deep.earlier == {"web": {"cache", "db"}, "cache": {"db"}, "db": frozenset()}
    assert CHAIN.depth == {"db": 0, "dns": 0, "cache": 1, "web": 2}


def test_services_with_an_order_between_them_share_no_wave() -> None:
    assert CHAIN.apart == {"web": {"cache", "db"}, "cache": {"web", "db"}, "db": {"web", "cache"}}


@st.composite
def orders(draw: st.DrawFn) -> dict[str, set[str]]:
    names = "abcdef"
    return {
        name: draw(st.sets(st.sampled_from(names[:number]))) if number else set()
        for number, name in enumerate(names)
    }


@given(orders())
def test_who_shares_no_wave_is_mutual_and_deeper_on_one_side(order: dict[str, set[str]]) -> None:
    rules = Rules({}, order)
    for service, others in rules.apart.items():
        for other in others:
            assert service in rules.apart[other]
            assert (other in rules.earlier[service]) == (rules.depth[other] < rules.depth[service])
