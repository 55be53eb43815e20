"""The world of the rolling lock in memory; ``tests/store`` plays the same tests in real stores."""

from __future__ import annotations

import pytest

from .lock_world import MemoryStore, World


@pytest.fixture
def world() -> World:
    return World(MemoryStore())
