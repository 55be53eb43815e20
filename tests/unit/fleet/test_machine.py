"""What a fleet command asks of this machine before it does anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fleetlib import machine
from fleetlib.errors import FleetError

if TYPE_CHECKING:
    from pathlib import Path


def test_cache_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file/orderly-services"
    with (
        pytest.raises(
            FleetError, match=re.escape(f"{folder} cannot be made: Not a directory; set XDG_CACHE_HOME")
        ),
        machine.locked(folder / "lock", "start hosts"),
    ):
        pass


def test_root_without_rights_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "RIGHTS", {"CAP_CHOWN": 0, "CAP_OF_TOMORROW": 63})
    with pytest.raises(FleetError, match=r"root lacks rights on this machine \(CAP_OF_TOMORROW\)"):
        machine.ensure_rights()


def test_only_missing_programs_are_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "packages").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\n')
    (tmp_path / "packages").chmod(0o755)
    monkeypatch.setattr(machine, "SETUP", tmp_path)
    machine.ensure_tools({"sh": "sh", "podman": "no-such-program", "keys": str(tmp_path / "packages")})
    assert (tmp_path / "asked").read_text() == "podman\n"
