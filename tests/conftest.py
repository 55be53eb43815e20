"""What tests of several plugins share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from real_etcd import Etcd

if TYPE_CHECKING:
    from collections.abc import Iterator

# A busy machine is slow; that is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    """Give an etcd of one member that no test hurts; every test takes a prefix of its own."""
    with Etcd() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def etcd3() -> Iterator[Etcd]:
    """Give an etcd of three members that no test hurts."""
    with Etcd(members=3) as cluster:
        yield cluster
