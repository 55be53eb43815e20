from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import (
    Policy,
    Requestor,
    block,
    make_policy,
    make_requestor,
    needrestart_settings,
    parse_policy,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.verdict import blocked_by
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.yaml import YamlError
from ansible_collections.orderly.services.tests import deferral_cases as cases

WEBTEAM = Requestor("ansible", "webteam")


def test_a_policy_is_written_in_the_common_format() -> None:
    policy = make_policy(WEBTEAM, {"nginx.service": ["stop", "restart"], "haproxy.service": ["reload"]})
    assert policy.render().splitlines()[1:] == [
        "blocked_actions:",
        "  haproxy.service:",
        "  - reload",
        "  nginx.service:",
        "  - restart",
        "  - stop",
        "policy_requestor_name: webteam",
        "policy_requestor_type: ansible",
    ]


def test_what_is_written_is_read_back_by_us_and_by_others() -> None:
    policy = make_policy(WEBTEAM, {"postgresql@*.service": ["restart"], "a\\x2db.service": ["stop"]})
    assert parse_policy(policy.render()) == policy
    assert yaml.safe_load(policy.render())["blocked_actions"] == {
        "postgresql@*.service": ["restart"],
        "a\\x2db.service": ["stop"],
    }


def test_the_order_in_which_units_are_named_does_not_matter() -> None:
    one = make_policy(WEBTEAM, {"a.service": ["stop", "restart"], "b.service": ["stop"]})
    other = make_policy(WEBTEAM, {"b.service": ["stop"], "a.service": ["restart", "stop", "stop"]})
    assert one.render() == other.render()


def test_what_is_said_for_one_unit_wins() -> None:
    assert block(["a", "b"], ["stop"], {"b": ["reload"]}) == {"a": ("stop",), "b": ("reload",)}


WRONG = [
    ({}, "would block nothing"),
    ({"nginx service": ["stop"]}, '"nginx service" is not a unit name'),
    ({"../nginx": ["stop"]}, '"../nginx" is not a unit name'),
    ({"nginx.service": ["re start"]}, '"re start" is not an action of nginx.service'),
]


@pytest.mark.parametrize(("blocked", "message"), WRONG)
def test_says_what_cannot_be_blocked(blocked: dict[str, list[str]], message: str) -> None:
    with pytest.raises(HostError, match=message):
        make_policy(WEBTEAM, blocked)


def test_actions_of_a_unit_are_a_list() -> None:
    with pytest.raises(HostError, match=r"blocked_actions of a are 'restart'; expected a list"):
        block([], [], {"a": "restart"})


@pytest.mark.parametrize("name", ["", "../x", "a b", "-a", "a/b", "a\n"])
def test_a_requestor_cannot_name_a_file_elsewhere(name: str) -> None:
    with pytest.raises(HostError, match="cannot be the name of a policy"):
        make_requestor("ansible", name)


@pytest.mark.parametrize("case", cases.POLICIES, ids=lambda case: case.text)
def test_reads_policies_of_other_tools(case: cases.PolicyCase) -> None:
    policy = parse_policy(case.text)
    assert str(policy.requestor) == case.requestor
    blocked = {
        unit: {action for action in cases.ACTIONS if blocked_by([policy], action, [unit])}
        for unit in cases.UNITS
    }
    assert blocked == {unit: {*case.blocked.get(unit, "").split()} for unit in cases.UNITS}


@pytest.mark.parametrize(
    "text", ["- a\n", "a: b\n", "blocked_actions:\n- a\n", "blocked_actions: {a: {b: c}}\n"]
)
def test_refuses_what_is_no_policy(text: str) -> None:
    with pytest.raises(YamlError):
        parse_policy(text)


NEEDRESTART = [
    ("nginx.service", r"^nginx(@.*)?\.service$"),
    ("nginx", r"^nginx(@.*)?\.service$"),
    ("postgresql@*.service", r"^postgresql@.*\.service$"),
    ("postgresql@.service", r"^postgresql@.*\.service$"),
    ("a[!b-c]?.socket", r"^a[^b-c].\.socket$"),
    ("a\\x2db", r"^a\\x2db(@.*)?\.service$"),
]


@pytest.mark.parametrize(("unit", "expression"), NEEDRESTART)
def test_needrestart_leaves_listed_units_alone(unit: str, expression: str) -> None:
    settings = needrestart_settings([make_policy(WEBTEAM, {unit: ["restart"]})])
    assert settings.splitlines()[-1] == f"$nrconf{{override_rc}}{{qr({expression})}} = 0;"


# It goes by the names of services as systemd writes them, and a name that is none of ours is not passed on.
FOR_NEEDRESTART = [
    case for case in cases.LISTED_UNIT_COVERED if case[1].endswith(".service") and not {*case[0]} & {*"^+\\"}
]


@pytest.mark.parametrize(
    ("listed", "unit", "is_covered"), [case for case in FOR_NEEDRESTART if case[0] != "ax2db"]
)
def test_needrestart_leaves_the_same_units_alone(listed: str, unit: str, *, is_covered: bool) -> None:
    settings = needrestart_settings([make_policy(WEBTEAM, {listed: ["restart"]})])
    expressions = re.findall(r"qr\((.*)\)}", settings)
    assert any(re.search(expression, unit) for expression in expressions) == is_covered


def test_needrestart_is_told_nothing_where_nothing_is_blocked_or_a_name_is_none() -> None:
    evil = Policy(WEBTEAM, {"x)};system(1);#": ("restart",)})
    assert needrestart_settings([evil, make_policy(WEBTEAM, {"nginx": ["reload"]})]) == ""
