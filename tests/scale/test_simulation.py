"""A large upgrade that goes wrong many times does everything once, and its gates stay cheap as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .simulation import CallMeter, Simulation, cost, draw_plan, pieces, simulate

if TYPE_CHECKING:
    from pathlib import Path

FAULTS = 8


def simulated(hosts: int, folder: Path) -> Simulation:
    return simulate(draw_plan(hosts, 20), f"sqlite://{folder}/store.db", FAULTS, meter=CallMeter)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulated(100, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulated(400, tmp_path_factory.mktemp("large"))


def test_everything_is_done_once_though_hosts_fail_and_controllers_die(large: Simulation) -> None:
    assert large.runs > FAULTS // 2
    assert large.done == dict.fromkeys(pieces(large.plan), 1)


def test_a_gate_costs_no_more_for_each_host_of_a_larger_fleet(small: Simulation, large: Simulation) -> None:
    assert cost(large) <= 1.1 * cost(small)


def test_runs_side_by_side_do_everything_once_as_well(tmp_path: Path) -> None:
    both = simulate(draw_plan(60, 10), f"sqlite://{tmp_path}/store.db", FAULTS, side_by_side=2)
    assert both.runs > FAULTS // 2
    assert both.done == dict.fromkeys(pieces(both.plan), 1)
