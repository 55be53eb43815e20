from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.placement import (
    Placement,
    read_placement,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError


def test_hosts_are_in_failure_domains_and_some_go_last() -> None:
    domains = {"h1": "rack-a", "h2": 7, "h3": None, "h4": ""}
    last = {"h1": True, "h2": "yes", "h3": False, "h4": None}
    assert read_placement(domains, last) == Placement({"h1": "rack-a", "h2": "7"}, frozenset({"h1", "h2"}))


@pytest.mark.parametrize(
    ("domain", "last", "message"),
    [
        (["a"], None, r"orderly_failure_domain of h1 is \['a'\]; expected the name of a rack"),
        (True, None, "orderly_failure_domain of h1 is True; expected the name"),
        (None, "perhaps", "orderly_last of h1 is 'perhaps'; expected true or false"),
        (None, ["yes"], r"orderly_last of h1 is \['yes'\]; expected true or false"),
    ],
)
def test_what_makes_no_sense_is_named(domain: Any, last: Any, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        read_placement({"h1": domain}, {"h1": last})
