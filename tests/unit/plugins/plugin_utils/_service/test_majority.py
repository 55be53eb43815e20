"""A budget leaves more than half of the hosts of a service that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.majority import check_majorities
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError, Service


def check(hosts: int, max_unavailable: int | str, **more: Any) -> None:
    settings = {"keeps_majority": True, **more}
    service = Service(
        "my-db", "my-db", Path("/roles/my-db"), "db", max_unavailable=max_unavailable, **settings
    )
    check_majorities([service], {"my-db": [f"h{number}" for number in range(hosts)]})


@pytest.mark.parametrize(
    ("hosts", "budget"), [(1, 1), (2, 1), (3, 1), (5, 2), (7, "49%"), (3, "10%"), (3, "66%")]
)
def test_a_minority_may_be_down_and_always_one_host(hosts: int, budget: int | str) -> None:
    check(hosts, budget)


@pytest.mark.parametrize(("hosts", "budget"), [(3, 2), (4, 2), (4, "50%"), (5, 3), (2, 2), (3, "100%")])
def test_a_budget_that_takes_the_majority_is_refused(hosts: int, budget: int | str) -> None:
    with pytest.raises(CatalogueError, match="works only while more than half"):
        check(hosts, budget)


def test_the_refusal_says_what_to_set() -> None:
    with pytest.raises(CatalogueError) as refused:
        check(3, "67%")
    assert str(refused.value) == (
        "my-db works only while more than half of its 3 hosts are up, but max_unavailable is 67%, and so 2 of them at "
        "once. Nothing was touched. Set my_db_max_unavailable to 1."
    )
    with pytest.raises(CatalogueError, match="Set my_db_max_unavailable to 2 or less"):
        check(5, 4)


def test_a_full_stop_was_asked_for_and_others_do_not_need_a_majority() -> None:
    check(3, 2, full_stop=True)
    check(3, 3, keeps_majority=None)
