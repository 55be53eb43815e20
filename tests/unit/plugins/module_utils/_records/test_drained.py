from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._records.drained import (
    Drained,
    DrainedFolder,
    plan_absent,
    plan_present,
)

if TYPE_CHECKING:
    from pathlib import Path

NGINX = Drained("nginx", "reboot", "ctl1-1", 1000)


@pytest.fixture
def folder(tmp_path: Path) -> DrainedFolder:
    return DrainedFolder(tmp_path / "orderly/drained")


def test_what_was_drained_is_read_back(folder: DrainedFolder) -> None:
    plan_present({}, [NGINX, Drained("a/b", "reboot")]).carry_out(folder)
    assert folder.read() == ({"a/b": Drained("a/b", "reboot"), "nginx": NGINX}, [])
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_who_drained_first_stays_on_record() -> None:
    change = plan_present({"nginx": NGINX}, [Drained("nginx", "restart", "ctl2-2", 2000)])
    assert not change.changes
    assert change.records == {"nginx": NGINX}


def test_only_what_is_on_record_is_forgotten(folder: DrainedFolder) -> None:
    plan_present({}, [NGINX]).carry_out(folder)
    change = plan_absent(folder.read()[0], ["nginx", "redis"])
    assert change.removed == ("nginx",)
    change.carry_out(folder)
    assert folder.read() == ({}, [])
    assert not plan_absent(folder.read()[0], ["nginx"]).changes


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"service": 1}', '{"service": "nginx", "since": "x"}'])
def test_a_record_that_cannot_be_read_still_counts(folder: DrainedFolder, text: str) -> None:
    folder.write([NGINX])
    (folder.path / "service-nginx.json").write_text(text)
    records, trouble = folder.read()
    assert records == {"nginx": Drained("nginx")}
    assert "service-nginx.json does not say who drained the service" in trouble[0]


def test_records_of_others_in_the_folder_are_left_alone(folder: DrainedFolder) -> None:
    folder.write([NGINX])
    (folder.path / "haproxy-web%2Fweb1.json").write_text("{}")
    assert folder.read() == ({"nginx": NGINX}, [])
