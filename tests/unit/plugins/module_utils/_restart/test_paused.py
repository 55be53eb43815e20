from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import Paused, PausedFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> PausedFolder:
    return PausedFolder(tmp_path)


def test_a_file_that_tells_nothing_is_named_and_counts_as_paused(folder: PausedFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "x.service").write_text("")
    found, trouble = folder.read()
    assert found == {}
    assert "x.service does not say how the unit was paused" in trouble[0]
    assert folder.units() == {"x.service"}


def test_what_is_written_can_be_read(folder: PausedFolder) -> None:
    paused = Paused("a@b.service", was_active=True, masked=False, since=7, reason="it's: odd\n", position=3)
    folder.write(paused)
    assert folder.read() == ({"a@b.service": paused}, [])


def test_only_what_cannot_be_masked_is_held_and_what_others_have_put_beside_it_stays(tmp_path: Path) -> None:
    folder = PausedFolder(tmp_path)
    units = [Paused(unit, True, unit != "local.service", 7) for unit in ("local.service", "db.service")]
    folder.hold_local(units)
    (drop_in,) = tmp_path.rglob("*.conf")
    assert drop_in.parent.name == "local.service.d"
    (drop_in.parent / "own.conf").touch()
    folder.release_local(units)
    assert [path.name for path in drop_in.parent.iterdir()] == ["own.conf"]
