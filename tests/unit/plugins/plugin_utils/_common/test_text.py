from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.text import (
    listed,
    natural,
    printable,
    readable,
    shortened,
    with_services,
)

NAMES = [
    ("", ""),
    ("web2 web1", "web1 web2"),
    ("web1 web2 web3", "web[1-3]"),
    ("web9 web10 web11 web13", "web[9-11,13]"),
    ("web1 web2 web4 web6", "web[1,2,4,6]"),
    ("web09 web10 web11", "web[09-11]"),
    ("web1 web01 web001", "web[1,01,001]"),
    ("w1.example.org w2.example.org w3.example.org w3.example.com", "w[1-3].example.org w3.example.com"),
    ("db1a db2a db3a cache", "cache db[1-3]a"),
    ("10.0.0.1 10.0.0.2 10.0.0.3", "10.0.0.1 10.0.0.2 10.0.0.3"),
]


@pytest.mark.parametrize(("hosts", "expected"), NAMES)
def test_hosts_that_differ_in_a_number_are_named_together(hosts: str, expected: str) -> None:
    assert set(shortened(hosts.split())) == set(expected.split())


def test_hosts_of_the_same_services_are_named_together() -> None:
    visits = {"web3": ["nginx"], "web1": ["nginx"], "web2": ["nginx"], "c1": ["redis", "nginx"]}
    assert with_services(visits) == "c1 (redis nginx), web[1-3] (nginx)"


def test_names_that_are_too_many_are_counted() -> None:
    assert listed(["a", "b", "c"], shown=2) == "a, b and 1 more"
    assert listed(["a", "b"], shown=2) == "a, b"


def test_names_are_sorted_as_people_count_whatever_they_are() -> None:
    assert sorted(["web10", "web2", "10", "\u00b2", "9"], key=natural) == [
        "9",
        "10",
        "web2",
        "web10",
        "\u00b2",
    ]


ODD = ["\u00b2", "a\u00b2", "\u0663", "9" * 5000, "web" + "0" * 9999, "", "\x00", "\ud800"]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_names_of_any_kind_have_their_order_and_are_shown(name: str) -> None:
    assert sorted([name, "web2"], key=natural)
    assert "".join(shortened([name, "web2"])).isprintable() == name.isprintable()


def test_what_is_shown_neither_moves_the_cursor_nor_turns_the_direction() -> None:
    assert readable("a\x1b[2J\r\u202eb\n\u6f22") == "a\\x1b[2J\\r\\u202eb\n\u6f22"
    assert printable("a\nb" + "c" * 200) == "a\\nb" + "c" * 95 + "\u2026"
