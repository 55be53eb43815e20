"""A host with units and records, and what runs the modules that restart them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral import restarts
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    BOOT,
    FakeHost,
    record_text,
)
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    Run = Callable[..., dict[str, Any]]


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost(versions={"demo": "2.0"})
    for unit in ("alpha.service", "beta.service", "gamma.service"):
        host.add(unit)
    host.add("idle.service", ActiveState="inactive", SubState="dead")
    return host


@pytest.fixture
def store(tmp_path: Path) -> DeferredStore:
    """Give the records of a host on which alpha and idle were to be restarted."""
    (tmp_path / "run").mkdir()
    store = DeferredStore(tmp_path)
    store.folders[0].mkdir(parents=True)
    for unit in ("alpha.service", "idle.service"):
        (store.folders[0] / f"{unit}.deferred").write_text(record_text(unit))
    return store


@pytest.fixture
def run_restarts(
    host: FakeHost, store: DeferredStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[ModuleType], Run]:
    """Give what runs a module that restarts units, on that host."""
    for adapter in ("PausedFolder", "StrictMode"):
        monkeypatch.setattr(restarts, adapter, partial(getattr(restarts, adapter), root=tmp_path))
    monkeypatch.setattr(restarts, "DeferredStore", lambda: store)
    monkeypatch.setattr(restarts, "boot_id", lambda: BOOT)
    folder = str(tmp_path / "restarting")
    return lambda module: partial(run_module, module, monkeypatch, host.run, restarting=folder)
