from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .toys import PROGRAMS, Site, three_services

if TYPE_CHECKING:
    from pathlib import Path

    from .toys import Outcome


@pytest.fixture(scope="session")
def programs() -> Path:
    """Give the folder of the ansible-core to play with; tests/cores gives others."""
    return PROGRAMS


@pytest.fixture
def site(tmp_path: Path, programs: Path) -> Site:
    return Site(tmp_path, programs)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Site:
    looked_at = Site(tmp_path_factory.mktemp("shown"), programs)
    three_services(looked_at)
    return looked_at


@pytest.fixture(scope="module")
def shown(looked_at: Site) -> Outcome:
    return looked_at.upgrade("--list-tasks", "--list-hosts")
