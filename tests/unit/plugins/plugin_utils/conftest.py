"""The world of the rolling lock in memory; ``tests/store`` plays the same tests in real stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .lock_world import MemoryStore, World
from .roles_world import Role, Roles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world() -> World:
    return World(MemoryStore())


@pytest.fixture
def roles(tmp_path: Path) -> Roles:
    return Roles(tmp_path / "roles")


@pytest.fixture
def role(tmp_path: Path) -> Role:
    return Role(tmp_path)
