"""A small fleet upgrades itself, beside two controllers, though runs are killed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd

from .campaigns import idle, make, play

if TYPE_CHECKING:
    from pathlib import Path


def test_hosts_that_pull_and_controllers_upgrade_a_fleet_together(tmp_path: Path) -> None:
    with Etcd(members=3) as etcd:
        fleet = make(tmp_path, etcd.url(), pulling=3, led=2)
        verdict = play(fleet, random.Random(1), kills=1)  # noqa: S311 - no secret
        assert verdict.broken == []
        assert verdict.killed == 1
        assert idle(fleet, fleet.machines[0]) == []
