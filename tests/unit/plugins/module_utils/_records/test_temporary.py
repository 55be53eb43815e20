from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._records.temporary import (
    Change,
    TemporaryChange,
    TemporaryFolder,
    plan_present,
)

if TYPE_CHECKING:
    from pathlib import Path

PINNED = TemporaryChange("nova/compute", "rpc,version", "upgraded", {"level": "auto"}, "friday-1", 1000)
MASKED = TemporaryChange("nova/compute", "masked", "verified")


@pytest.fixture
def folder(tmp_path: Path) -> TemporaryFolder:
    return TemporaryFolder(tmp_path / "orderly/temporary")


def test_what_was_changed_is_read_back_and_forgotten(folder: TemporaryFolder) -> None:
    folder.write([PINNED, MASKED])
    assert folder.read() == ((MASKED, PINNED), [])
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.remove([PINNED])
    assert folder.read() == ((MASKED,), [])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"service": "web", "name": 1, "until": "upgraded"}',
             '{"service": "web", "name": "x", "until": "never"}'],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_named(folder: TemporaryFolder, text: str) -> None:
    folder.write([MASKED])
    (folder.path / "web,x.json").write_text(text)
    records, trouble = folder.read()
    assert records == (MASKED,)
    assert "web,x.json does not say what was changed; find out what it stands for" in trouble[0]


def test_a_repeated_change_keeps_how_it_was_before() -> None:
    again = TemporaryChange(
        "nova/compute", "rpc,version", "upgraded", "pinned by ourselves", "friday-1", 2000
    )
    assert plan_present([MASKED, PINNED], again) == Change((PINNED,))


def test_the_campaign_that_changes_it_again_undoes_it() -> None:
    monday = TemporaryChange("nova/compute", "rpc,version", "upgraded", "6.0", "monday-1")
    (new,) = plan_present([PINNED], monday).added
    assert new == TemporaryChange(
        "nova/compute", "rpc,version", "upgraded", {"level": "auto"}, "monday-1", 1000
    )


def test_in_the_end_everything_is_due() -> None:
    assert MASKED.is_due("nova/compute", "verified")
    assert not PINNED.is_due("nova/compute", "verified")
    assert MASKED.is_due("nova/compute", "upgraded")
    assert PINNED.is_due("nova/compute", "upgraded")
    assert not MASKED.is_due("web", "upgraded")
