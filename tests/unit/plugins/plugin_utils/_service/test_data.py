"""Services of the inventory: what is read, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.data import read_data
from ansible_collections.orderly.services.plugins.plugin_utils._service.recipe import Verify
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

UNITS = {"units": ["apache2.service"]}


def test_no_variable_means_no_services() -> None:
    assert read_data(None) == read_data({}) == []


def test_a_service_is_what_the_inventory_says_of_it() -> None:
    (service,) = read_data(
        {
            "apache2": {
                **UNITS,
                "packages": ["apache2"],
                "max_unavailable": "25%",
                "verify": {"url": "http://localhost/", "timeout": 5},
                "drain": {"haproxy": "web"},
            }
        }
    )
    assert service.name == "apache2"
    assert service.settings == {**UNITS, "packages": ["apache2"], "max_unavailable": "25%"}
    assert service.recipe.verify == Verify(url="http://localhost/", timeout=5)
    assert service.recipe.backend == "web"


REFUSED = [
    (["apache2"], "orderly_services is ['apache2']; expected a mapping of services"),
    ({"a/b": UNITS}, "orderly_services: service is 'a/b'; expected a name"),
    ({"apache2": None}, "orderly_services.apache2 is None; expected a mapping of settings"),
    (
        {"apache2": {**UNITS, "pakages": []}},
        r"unknown key 'pakages'\. Did you mean packages\?",
    ),
    ({"apache2": {**UNITS, "service": "x"}}, "orderly_services.apache2: unknown key 'service'"),
    ({"apache2": {"packages": ["apache2"]}}, "orderly_services.apache2 names no units; expected a list"),
    ({"apache2": {"units": ["apache2"]}}, r"orderly_services.apache2: units is \['apache2'\]; expected"),
    ({"apache2": {**UNITS, "max_unavailable": "{{ x }}"}}, "max_unavailable is '{{ x }}'"),
    (
        {"apache2": {**UNITS, "verify": "yes"}},
        "expected verify to be a mapping of one or more of url.*; it is 'yes'",
    ),
    ({"apache2": {**UNITS, "verify": {"uri": "x"}}}, "it is {'uri': 'x'}"),
    ({"apache2": {**UNITS, "verify": {"timeout": 3}}}, "it is {'timeout': 3}"),
    ({"apache2": {**UNITS, "verify": {"port": True}}}, "it is {'port': True}"),
    ({"apache2": {**UNITS, "verify": {}}}, "it is {}"),
    ({"apache2": {**UNITS, "drain": {"haproxy": ["web"]}}}, "expected drain to be {haproxy: BACKEND}"),
    ({"apache2": {**UNITS, "drain": {"nginx": "web"}}}, "expected drain to be {haproxy: BACKEND}"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_what_cannot_be_meant_is_refused_with_where_and_what_was_expected(value: Any, message: str) -> None:
    with pytest.raises(CatalogueError, match=message.replace("[", r"\[") if "\\" not in message else message):
        read_data(value)
