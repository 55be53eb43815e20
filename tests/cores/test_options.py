"""The options of ansible-playbook, on plans, with every supported ansible-core: the unit tests, played with each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.cores.cores import CORES
from ansible_collections.orderly.services.tests.faults.matrix import playbook_of
from ansible_collections.orderly.services.tests.unit.playbooks.conftest import (  # noqa: F401 - fixtures
    looked_at,
    shown,
    site,
)
from ansible_collections.orderly.services.tests.unit.playbooks.test_options import *  # noqa: F403 - the tests

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = CORES if os.environ.get("CORES") == "all" else (CORES[0], CORES[-1])


@pytest.fixture(scope="module", params=RELEASES, ids=lambda core: core.release)
def programs(request: pytest.FixtureRequest) -> Path:
    """Give the folder of a release's programs, installed the first time."""
    return playbook_of(request.param).parent
