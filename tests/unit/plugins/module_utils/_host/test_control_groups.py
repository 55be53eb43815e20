"""Which unit a process belongs to is found by its control group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.control_groups import ControlGroups

if TYPE_CHECKING:
    from pathlib import Path

CGROUPS = [
    ("0::/system.slice/apache2.service\n", "", "apache2.service"),
    ("0::/system.slice/system-postfix.slice/postfix@-.service\n", "", "postfix@-.service"),
    ("9:name=systemd:/system.slice/redis.service\n8:pids:/x.service\n0::/\n", "", "redis.service"),
    ("0::/machine.slice/box.scope/system.slice/a.service\n", "/machine.slice/box.scope", "a.service"),
    ("0::/machine.slice/other.scope/system.slice/a.service\n", "/machine.slice/box.scope", ""),
    ("0::/machine.slice/box.scopes/a.service\n", "/machine.slice/box.scope", ""),
    ("0::/user.slice/user-1.slice/user@1.service/app.slice/b.service\n", "", "user@1.service"),
    ("0::/system.slice/docker-1.scope\n", "", "docker-1.scope"),
    ("0::/init.scope\n", "", "init.scope"),
    ("0::/\n", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "top", "unit"), CGROUPS)
def test_a_process_belongs_to_the_unit_of_its_group_below_those_of_systemd(
    tmp_path: Path, text: str, top: str, unit: str
) -> None:
    for pid, said in ((1, f"0::{top}/init.scope\n"), (7, text)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(said)
    groups = ControlGroups(tmp_path)
    assert groups.unit_of(7) == unit
    assert groups.unit_of(8) == ""  # it has ended
