"""The order of OVN's services follows from its versions: exactly one of them waits for the other one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)

ROLES = Path(__file__).parents[3] / "roles"
SERIES = [
    "20.03.2",
    "21.12.0",
    "22.03.3",
    "22.09.1",
    "23.03.1",
    "24.03.2",
    "24.09.0",
    "25.03.0",
    "26.03.0",
    "26.09.0",
]
VERSIONS = [f"{series}-1~deb12u2" for series in SERIES]
HOPS = [(old, new) for old in VERSIONS for new in VERSIONS if old <= new]
# As OVN's documentation has it: up to the next LTS, which are 22.03, 24.03 and 26.03.
FIRST = [
    ("22.03.3-1", "24.03.2-1", "ovn_controller"),
    ("23.03.1-1", "24.03.2-1", "ovn_controller"),
    ("22.03.3-1", "24.09.0-1", "ovn_central"),
    ("23.03.1-1~deb12u2", "25.03.0-1", "ovn_central"),
    ("24.09.0-1", "26.03.0-1", "ovn_controller"),
    ("21.12.0-1", "22.09.1-1", "ovn_central"),
]


def waiting(installed: str, candidate: str) -> list[str]:
    """Give those of the two that wait for the other one."""
    return [
        service.name
        for service in find_services([RoleFolder(ROLES)])
        if service.name in ("ovn_central", "ovn_controller")
        and any(each.when and each.when.holds(installed, candidate) for each in service.after)
    ]


@pytest.mark.parametrize(("installed", "candidate"), HOPS)
def test_exactly_one_waits_for_the_other(installed: str, candidate: str) -> None:
    assert len(waiting(installed, candidate)) == 1


@pytest.mark.parametrize(("installed", "candidate", "first"), FIRST)
def test_hypervisors_go_first_up_to_the_next_lts(installed: str, candidate: str, first: str) -> None:
    assert first not in waiting(installed, candidate)
