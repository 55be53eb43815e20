"""The hosts that all tests here share."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
from ansible_collections.orderly.services.tests.faults.hosts import Hosts
from ansible_collections.orderly.services.tests.faults.ssh_site import processes_below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    with Hosts(os.environ.get("FLEET", "faults"), ("h1", "h2", "h3", "h4")) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def ten_hosts(hosts: Hosts) -> Hosts:
    return hosts.and_more(("h5", "h6", "h7", "h8", "h9", "h10"))


@pytest.fixture(autouse=True)
def nothing_goes_on(tmp_path: Path) -> Iterator[None]:
    """End the rolls of a test that did not come to its own end: the next one needs the same hosts."""
    yield
    for process in processes_below(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    """Give an etcd of three members that a test may hurt."""
    with Etcd(members=3) as cluster:
        yield cluster
