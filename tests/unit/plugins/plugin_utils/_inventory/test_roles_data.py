"""How services of TripleO name their groups; :mod:`tests.play.test_roles_data` asks the real ansible-inventory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.roles_data import (
    GROUP,
    RolesDataError,
    TripleoRole,
    group_name,
    group_names,
    hosts_of,
)
from hypothesis import given
from hypothesis import strategies as st

FILE = Path("overcloud.yml")
NAMES = [
    ("OS::TripleO::Services::NovaCompute", "nova_compute"),
    ("OS::TripleO::Services::OVNDBs", "ovn_dbs"),
    ("OS::TripleO::Services::HAproxy", "haproxy"),
    ("OVNController", "ovn_controller"),
    ("CephMgr2Rgw", "ceph_mgr2_rgw"),
    ("Own-Service", "own_service"),
]


@pytest.mark.parametrize(("service", "group"), NAMES)
def test_a_group_is_named_like_the_last_part_of_its_service_in_words(service: str, group: str) -> None:
    assert group_name(service) == group


@given(st.text(min_size=1))
def test_whatever_a_service_is_called_its_group_has_a_name_that_groups_may_have(service: str) -> None:
    roles = [TripleoRole("Controller", (service,))]
    if re.fullmatch(GROUP, group_name(service)):
        assert group_names(roles, {}, FILE) == {service: group_name(service)}
    else:
        with pytest.raises(RolesDataError, match="which is not a group name; give it one in service_groups"):
            group_names(roles, {}, FILE)
        assert group_names(roles, {service: "own"}, FILE) == {service: "own"}


def test_the_whole_name_of_a_service_wins_over_its_last_part() -> None:
    services = ("A::Redis", "B::Redis")
    renamed = {"Redis": "cache", "B::Redis": None}
    groups = group_names([TripleoRole("Controller", services)], renamed, FILE)
    assert groups == {"A::Redis": "cache", "B::Redis": None}


def test_hosts_may_have_variables_or_none() -> None:
    roles = [TripleoRole("A"), TripleoRole("B"), TripleoRole("C")]
    given = {"A": ["a1"], "B": {"b1": {"x": 1}, "b2": None}}
    assert hosts_of(roles, given, FILE) == {"A": {"a1": {}}, "B": {"b1": {"x": 1}, "b2": {}}}
