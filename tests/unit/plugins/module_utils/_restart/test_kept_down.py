"""Units that are kept down have a drop-in until somebody of ours starts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.plugins.module_utils._restart.kept_down import KeptDown
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

if TYPE_CHECKING:
    from collections.abc import Sequence

WEB = "web.service"
RELOAD = ["daemon-reload"]


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add(WEB)
    return host


@pytest.fixture
def kept_down(host: FakeHost, tmp_path: Path) -> KeptDown:
    return KeptDown(Systemd(host.run), Path("/var/lib/50%"), tmp_path)


def test_the_condition_is_that_we_have_not_stopped_it(host: FakeHost, kept_down: KeptDown) -> None:
    kept_down.put([WEB])
    text = kept_down.path(WEB).read_text()
    assert text.endswith("\n[Unit]\nConditionPathExists=!/var/lib/50%%/web.service\n")
    assert str(kept_down.path(WEB)) in text
    assert host.orders == RELOAD


def test_one_that_is_lifted_leaves_nothing(host: FakeHost, kept_down: KeptDown) -> None:
    kept_down.put([WEB])
    kept_down.lift([WEB, "gone.service"])
    assert not kept_down.path(WEB).parent.exists()
    assert host.orders == RELOAD * 2


@pytest.mark.parametrize("units", [[], [WEB]])
def test_where_nothing_is_kept_down_systemd_is_not_asked(
    host: FakeHost, kept_down: KeptDown, units: Sequence[str]
) -> None:
    kept_down.lift(units)
    kept_down.put([])
    assert host.orders == []
