"""A large upgrade that goes wrong many times does everything once, and its gates stay cheap as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .simulation import cost, pieces, simulate

if TYPE_CHECKING:
    from .simulation import Simulation

FAULTS = 8


@pytest.fixture(scope="module")
def small() -> Simulation:
    return simulate(100, 20, FAULTS)


@pytest.fixture(scope="module")
def large() -> Simulation:
    return simulate(400, 20, FAULTS)


def test_everything_is_done_once_though_hosts_fail_and_controllers_die(large: Simulation) -> None:
    assert large.runs > FAULTS // 2
    assert large.done == dict.fromkeys(pieces(large.plan), 1)


def test_a_gate_costs_no_more_for_each_host_of_a_larger_fleet(small: Simulation, large: Simulation) -> None:
    assert cost(large) <= 1.1 * cost(small)
