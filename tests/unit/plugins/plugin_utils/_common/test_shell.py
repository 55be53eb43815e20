from __future__ import annotations

import shlex

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv
from ansible_collections.orderly.services.plugins.plugin_utils._common.shell import extra, without
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("web,db", "-e upgrade_confirm=web,db"),
        ("a b", """-e '{"upgrade_confirm": "a b"}'"""),
        ("$(id)", """-e '{"upgrade_confirm": "$(id)"}'"""),
    ],
)
def test_a_variable_is_given_in_the_shortest_way_that_means_it(value: str, shown: str) -> None:
    assert extra("upgrade_confirm", value) == shown


@given(st.text())
def test_what_is_typed_sets_the_variable_to_the_text(value: str) -> None:
    option, given = shlex.split(extra("name", value))
    read = DataLoader().load(given) if given.startswith("{") else parse_kv(given)
    assert (option, read) == ("-e", {"name": value})


def test_hosts_are_left_out_by_their_names() -> None:
    assert without(["w1"]) == "--limit '!w1'"
    assert shlex.split(without(["o'brien", "w2"])) == ["--limit", "!o'brien,!w2"]
    assert without(["w*"]) == "--limit"
