"""The world of the rolling lock, in every kind of store."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd import EtcdStore
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from real_etcd import Etcd

CLUSTERS = {"etcd, one node": "etcd", "etcd, three nodes": "etcd3"}
ONE_OF_EACH = ("sqlite", "etcd, one node")
STORES = (*ONE_OF_EACH, "etcd, three nodes")


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Name a store of a kind that nobody has used; one that is a file is in *folder*."""
    if kind not in CLUSTERS:
        return f"{kind}://{folder}/state/store.db"
    cluster: Etcd = request.getfixturevalue(CLUSTERS[kind])
    return cluster.url(f"test/{uuid.uuid4()}")


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, request, tmp_path)


@pytest.fixture(params=ONE_OF_EACH)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with closing(open_store(url_of(request.param, request, tmp_path))) as store:
        yield World(store)


@pytest.fixture
def store(etcd: Etcd) -> Iterator[EtcdStore]:
    """Give a store of its own in etcd, which any number of machines may share."""
    with closing(open_store(etcd.url(f"test/{uuid.uuid4()}"))) as opened:
        assert isinstance(opened, EtcdStore)
        yield opened
