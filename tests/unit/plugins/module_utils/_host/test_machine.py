"""What tells one machine from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.machine import machine_mark

if TYPE_CHECKING:
    from pathlib import Path


def machine(root: Path, machine_id: str = "clone", boot: str = "boot-1", namespace: str = "pid:[1]") -> str:
    for name, text in (("etc/machine-id", machine_id), ("proc/sys/kernel/random/boot_id", boot)):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(f"{text}\n")
    (root / "proc/self/ns").mkdir(parents=True)
    (root / "proc/self/ns/pid").symlink_to(namespace)
    return machine_mark(root)


OTHERS = [
    ("a clone with the same machine id", {"boot": "boot-2"}),
    ("a container on the same kernel", {"namespace": "pid:[2]"}),
    ("a container of another image", {"machine_id": "other"}),
]


@pytest.mark.parametrize("other", [case[1] for case in OTHERS], ids=[case[0] for case in OTHERS])
def test_two_machines_have_two_marks(tmp_path: Path, other: dict[str, str]) -> None:
    assert machine(tmp_path / "one") != machine(tmp_path / "other", **other)


def test_one_machine_has_one_mark_that_does_not_tell_its_id(tmp_path: Path) -> None:
    first = machine(tmp_path / "one")
    assert first == machine(tmp_path / "again")
    assert len(first) == 32
    assert "clone" not in first
