from __future__ import annotations

import os
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from ansible_collections.orderly.services.tests.cores.cores import CORES, ends
from ansible_collections.orderly.services.tests.faults.matrix import playbook_of

from .toys import PROGRAMS, Site, three_services

if TYPE_CHECKING:
    from pathlib import Path

    from .toys import Outcome


RELEASES = {"all": lambda: CORES, "ends": ends}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--half", type=int, choices=(1, 2), help="run one half of the tests, which is always the same"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the half that was asked for; tests of one file go to both, as files differ in length."""
    if half := config.getoption("--half", None):
        others = [item for item in items if crc32(item.nodeid.encode()) % 2 != half - 1]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play with other releases of ansible-core where the variable CORES asks for all, or for the oldest and newest."""
    if "programs" in metafunc.fixturenames and (wanted := os.environ.get("CORES")):
        releases = RELEASES[wanted]()
        ids = [core.release for core in releases]
        metafunc.parametrize("programs", releases, indirect=True, ids=ids, scope="session")


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> Path:
    """Give the folder of the ansible-core to play with; it is installed the first time."""
    return playbook_of(request.param).parent if hasattr(request, "param") else PROGRAMS


@pytest.fixture
def site(tmp_path: Path, programs: Path) -> Site:
    return Site(tmp_path, programs)


@pytest.fixture
def units(site: Site) -> Site:
    """Give two hosts of a service that is nothing but a unit."""
    site.with_units("w1", "w2")
    return site


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Site:
    looked_at = Site(tmp_path_factory.mktemp("shown"), programs)
    three_services(looked_at)
    return looked_at


@pytest.fixture(scope="module")
def shown(looked_at: Site) -> Outcome:
    return looked_at.upgrade("--list-tasks", "--list-hosts")
