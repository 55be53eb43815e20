from __future__ import annotations

from collections import Counter

from ansible_collections.orderly.services.plugins.plugin_utils._waves.domains import make_rota


def test_the_domain_of_the_service_with_most_to_go_has_the_first_turn() -> None:
    needs = {"log": Counter("ab"), "db": Counter("b"), "web": Counter("bb")}
    rota = make_rota(needs, {"log": set(), "db": set(), "web": {"db"}}, {"log": 0, "db": 2, "web": 0})
    assert rota.domains == ("b", "b", "a", "b")


def test_a_service_has_time_until_what_comes_after_it_begins() -> None:
    needs = {"log": Counter("a"), "db": Counter("b"), "web": Counter("bb")}
    rota = make_rota(needs, {"log": set(), "db": set(), "web": {"db"}}, {"log": 0, "db": 2, "web": 0})
    assert rota.due == {"db": 0, "web": 3, "log": 3}


def test_without_domains_there_is_no_rota() -> None:
    assert make_rota({"db": Counter()}, {"db": set()}, {"db": 0}).domains == ()
