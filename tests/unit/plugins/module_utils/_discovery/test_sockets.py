"""From sockets to units, as the kernel's files tell; each case is text as a real host had it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._discovery.sockets import (
    Listener,
    parse_table,
    read_processes,
)

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(local: str, state: str, inode: int) -> str:
    peer = "0" * len(local.split(":", maxsplit=1)[0]) + ":0000"
    return f"   0: {local} {peer} {state} 00000000:00000000 00:00000000 00000000   105        0 {inode} 1 0 100 0\n"


TCP = (
    HEADER + row("0100007F:1538", "0A", 11) + row("00000000:0050", "0A", 12) + row("0100007F:1538", "01", 13)
)
TCP6 = HEADER + row("00000000000000000000000000000000:0050", "0A", 21)
TCP6_LOOP = HEADER + row("00000000000000000000000001000000:0019", "0A", 22)
UDP = HEADER + row("0100007F:0035", "07", 31) + row("0100007F:9999", "01", 32)


def test_sockets_that_listen_are_found_by_their_inodes() -> None:
    assert dict(parse_table(TCP, "tcp")) == {
        "11": Listener("tcp", 5432, "127.0.0.1"),
        "12": Listener("tcp", 80, "0.0.0.0"),  # noqa: S104 - it is data
    }
    assert dict(parse_table(TCP6, "tcp")) == {"21": Listener("tcp", 80, "::")}
    assert dict(parse_table(TCP6_LOOP, "tcp")) == {"22": Listener("tcp", 25, "::1")}
    assert dict(parse_table(UDP, "udp")) == {"31": Listener("udp", 53, "127.0.0.1")}


LOCAL = [("0.0.0.0", True), ("::", True), ("127.0.0.1", True), ("::1", False), ("10.0.0.5", False)]  # noqa: S104


@pytest.mark.parametrize(("address", "is_local"), LOCAL)
def test_what_verify_can_reach_is_local(address: str, is_local: bool) -> None:
    assert Listener("tcp", 80, address).is_local is is_local


def process(root: Path, pid: int, cgroup: str, *inodes: int) -> None:
    folder = root / f"proc/{pid}/fd"
    folder.mkdir(parents=True)
    (folder.parent / "cgroup").write_text(cgroup)
    for number, inode in enumerate(inodes):
        os.symlink(f"socket:[{inode}]", folder / str(number))
    os.symlink("/dev/null", folder / "99")


def test_a_unit_listens_where_its_processes_do(tmp_path: Path) -> None:
    process(tmp_path, 1, "0::/init.scope\n", 12)  # holds it for the service that it starts
    process(tmp_path, 40, "0::/system.slice/web.service\n", 12, 12)
    process(tmp_path, 41, "0::/system.slice/web.service\n", 21)
    process(tmp_path, 9, "0::/system.slice/db.service\n", 11, 13)
    (tmp_path / "proc/net").mkdir()
    for name, text in (("tcp", TCP), ("tcp6", TCP6), ("udp", UDP)):
        (tmp_path / "proc/net" / name).write_text(text)
    found = read_processes(tmp_path)
    assert found.pids == {"db.service": [9], "web.service": [40, 41]}
    assert found.listeners == {
        "db.service": [Listener("tcp", 5432, "127.0.0.1")],
        "web.service": [Listener("tcp", 80, "0.0.0.0"), Listener("tcp", 80, "::")],  # noqa: S104 - it is data
    }
