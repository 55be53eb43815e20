from __future__ import annotations

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._common.names import (
    UnusableNameError,
    check_groups,
    check_hosts,
    in_brackets,
    pattern,
)
from ansible_collections.orderly.services.plugins.plugin_utils._common.text import readable
from hypothesis import given
from hypothesis import strategies as st

REFUSED = [
    ("", "is empty"),
    (" web", "begins or ends with a space"),
    ("w" * 256, "has more than 255 characters"),
    ("a\nb", "has characters that cannot be printed"),
    ("a\u202eb", "has characters that cannot be printed"),
    ("a{{ b }}", 'has "{" in it'),
    ("a*", 'has "*" in it'),
    ("a,b", 'has "," in it'),
    ("web[1]", 'has "[" in it'),
    ("!web", 'begins with "!"'),
    ("~web", 'begins with "~"'),
    ("web:22", 'has ":" in it and is no IPv6 address'),
]


@pytest.mark.parametrize(("name", "why"), REFUSED)
def test_a_name_that_could_mean_something_else_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(UnusableNameError, match="Rename it in the inventory") as refused:
        check_hosts(["w1", name], {"all": ["w1", name]})
    assert f'" {why}' in str(refused.value)
    assert "\u202e" not in str(refused.value)
    with pytest.raises(UnusableNameError):
        pattern([name])


def test_some_of_many_odd_names_are_listed() -> None:
    with pytest.raises(UnusableNameError, match=r'"a4\*" has "\*" in it and 2 more\. .*Rename them'):
        check_hosts([f"a{number}*" for number in range(7)], {})


def test_a_host_may_have_the_name_of_a_group_that_is_itself() -> None:
    check_hosts(["db"], {"all": ["db", "w1"], "db": ["db"]})
    with pytest.raises(UnusableNameError, match='"db" is also the name of a group with other hosts'):
        check_hosts(["db"], {"all": ["db", "d1"], "db": ["db", "d1"]})


def test_a_group_is_refused_where_ansible_would_take_its_name_for_a_host() -> None:
    check_groups(["web", "a.b"], {"all": ["w1", "a.b"], "web": ["w1"], "a.b": ["a.b"]})
    for group, members in (("a.b", ["w1"]), ("db", ["w1"]), ("db", ["db", "w1"])):
        with pytest.raises(
            UnusableNameError, match=f'The group "{group}" has the name of a host, and Ansible'
        ):
            check_groups([group], {"all": [group, "w1"], group: members})


def test_patterns_are_lists_and_an_address_alone_is_one_too() -> None:
    assert pattern(["w1", "web 2"]) == "w1,web 2"
    assert pattern(["fe80::1"]) == "fe80::1,"
    assert pattern(["web 1"]) == "web 1,"
    assert pattern(["web-1.example.org"]) == "web-1.example.org"
    assert pattern(["w1", "w2"], "!") == "!w1,!w2"
    assert pattern([]) == ""


@given(st.lists(st.text(max_size=20) | st.sampled_from(["No", "10.0.0.1", "y", "web-1.example"])))
def test_a_list_in_brackets_is_read_as_it_was(names: list[str]) -> None:
    assert yaml.safe_load(readable(in_brackets(names))) == names
