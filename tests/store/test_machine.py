"""What the rolling lock promises holds whatever happens: most steps in memory, some in every real store.

``tests/env python tests/fuzz/lock.py`` takes many more of them.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_machine import machine
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_world import MemoryStore
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .conftest import ONE_OF_EACH, url_of

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

MANY = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
FEW = settings(
    max_examples=5,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def test_what_the_lock_promises_holds_in_memory() -> None:
    run_state_machine_as_test(machine(MemoryStore), settings=MANY)


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_what_the_lock_promises_holds_in_real_stores(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    number = count()

    def opener() -> Store:
        return open_store(url_of(kind, request, tmp_path / str(next(number))))

    run_state_machine_as_test(machine(opener), settings=FEW)
