"""The hosts that all tests here share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
from ansible_collections.orderly.services.tests.faults.hosts import Hosts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    with Hosts(os.environ.get("FLEET", "faults"), ("h1", "h2", "h3", "h4")) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def ten_hosts(hosts: Hosts) -> Hosts:
    return hosts.and_more(("h5", "h6", "h7", "h8", "h9", "h10"))


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    """Give an etcd of three members that a test may hurt."""
    with Etcd(members=3) as cluster:
        yield cluster
