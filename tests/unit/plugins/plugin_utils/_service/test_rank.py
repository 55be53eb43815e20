from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.rank import (
    rank_variable,
    where_not_set,
    whole_number,
)


@pytest.mark.parametrize(("value", "number"), [(0, 0), (-3, -3), ("10", 10), (" -1 ", -1)])
def test_a_whole_number_may_have_become_a_text(value: Any, number: int) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize("value", [None, "", "leader", 1.5, True, [1], "1" * 19])
def test_what_is_no_whole_number_is_no_rank(value: Any) -> None:
    assert whole_number(value) is None


def test_the_variable_is_that_of_the_service() -> None:
    assert rank_variable("my-db") == "my_db_rank"


def test_hosts_without_a_rank_are_named_and_what_to_do() -> None:
    assert where_not_set("db", ["d10", "d2"], "roles/db/tasks/rank.yml") == (
        "db_rank on d2, d10, so nobody knows who goes last. Let it set one on "
        "every host, in roles/db/tasks/rank.yml; a host on which the service is down has a rank too."
    )
