from __future__ import annotations

import re

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposed_names import (
    as_name,
    candidates,
    name_all,
    stem,
)
from hypothesis import given
from hypothesis import strategies as st

NAMED = [
    (["apache2.service"], "apache2", "apache2"),
    (["apache2.service", "apache-htcacheclean.service"], "apache2", "apache2"),
    (["php8.2-fpm.service"], "php8.2-fpm", "php_fpm"),
    (["postgresql@15-main.service"], "postgresql-common", "postgresql"),
    (["postfix@-.service"], "postfix", "postfix"),
    (["nmbd.service", "smbd.service"], "samba", "samba"),
    (["ovs-vswitchd.service", "ovsdb-server.service"], "openvswitch-switch", "openvswitch_switch"),
    (["redis-server.service"], "redis-server", "redis_server"),
    (["3proxy.service"], "", "service_3proxy"),
    (["tomcat10.service"], "tomcat10", "tomcat10"),
]


@pytest.mark.parametrize(("units", "owner", "name"), NAMED)
def test_a_service_is_called_what_people_call_it(units: list[str], owner: str, name: str) -> None:
    assert name_all([candidates(units, owner)], ()) == [name]


def test_two_versions_keep_them() -> None:
    both = [candidates([f"php{version}-fpm.service"], f"php{version}-fpm") for version in ("7.4", "8.2")]
    assert name_all(both, ()) == ["php7_4_fpm", "php8_2_fpm"]


def test_two_clusters_keep_their_instances() -> None:
    both = [candidates([f"postgresql@{each}-main.service"], "postgresql-common") for each in (15, 17)]
    assert name_all(both, ()) == ["postgresql_15_main", "postgresql_17_main"]


def test_what_has_no_other_name_is_numbered() -> None:
    both = [candidates([unit], "postfix") for unit in ("postfix@-.service", "postfix.service")]
    assert name_all(both, ()) == ["postfix", "postfix_2"]


@pytest.mark.parametrize("taken", ["php_fpm", "all", "localhost"])
def test_a_name_of_somebody_else_is_not_taken(taken: str) -> None:
    (name,) = name_all([[taken, "other"]], {"php_fpm"})
    assert name == "other"


def test_the_stem_has_no_instance() -> None:
    assert [stem("postgresql@15-main.service"), stem("a.b.service")] == ["postgresql", "a.b"]


@given(st.text())
def test_any_text_gives_a_name_that_groups_and_variables_can_have(text: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", as_name(text))


@given(st.lists(st.lists(st.sampled_from(["a", "b", "a_2", "all"]), min_size=1, max_size=3), max_size=6))
def test_no_two_have_the_same_name(wanted: list[list[str]]) -> None:
    names = name_all(wanted, {"b"})
    assert len({*names}) == len(wanted)
    assert not {"b", "all"} & {*names}
