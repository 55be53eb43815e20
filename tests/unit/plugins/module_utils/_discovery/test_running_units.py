"""What runs on a host, from what systemd, dpkg and the kernel say."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._discovery.running_units import (
    Discovery,
    Listed,
    answers_with_a_page,
    parse_list,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Program
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 94149 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 94150 1 0 100 0 0 10 0
"""


@dataclass
class Host(FakeHost):
    """A host that lists its units, and knows which packages own which files."""

    owners: dict[str, str] = field(default_factory=dict)

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        if args[:2] == ["systemctl", "list-units"]:
            return 0, "".join(map(self._row, self.units.values())), ""
        if args[:2] == ["dpkg-query", "--search"]:
            lines = [f"{self.owners[path]}: {path}\n" for path in args[3:] if path in self.owners]
            return (0 if lines else 1), "".join(lines), ""
        return super().run(args, environ_update=environ_update)

    @staticmethod
    def _row(unit: Mapping[str, str]) -> str:
        return f"{unit['Id']} {unit['LoadState']} {unit['ActiveState']} {unit['SubState']} What it is\n"


@pytest.fixture
def host() -> Host:
    return Host()


def look(host: Host, root: Path, *ignored: str, programs: Mapping[int, str] | None = None) -> dict[str, Any]:
    def program_of(pid: int) -> Program | None:
        path = (programs or {}).get(pid)
        return Program("1:1", path, replaced=False) if path else None

    return Discovery(host.run, root, program_of, lambda: True).read(ignored)


def add_process(root: Path, pid: int, unit: str, inode: int) -> None:
    folder = root / f"proc/{pid}/fd"
    folder.mkdir(parents=True)
    (folder.parent / "cgroup").write_text(f"0::/system.slice/{unit}\n")
    os.symlink(f"socket:[{inode}]", folder / "3")
    (root / "proc/net").mkdir(exist_ok=True)
    (root / "proc/net/tcp").write_text(TCP)


def test_the_list_is_read_without_what_only_has_a_name() -> None:
    rows = (
        "● a.service loaded failed failed A",
        "  b.service not-found inactive dead b",
        "c.socket masked x y",
        "",
    )
    output = "\n".join(rows)
    assert parse_list(output) == [Listed("a.service", "loaded", "failed", "failed")]


def test_a_service_is_told_with_its_port_and_its_packages(host: Host, tmp_path: Path) -> None:
    host.add("postfix.service", SubState="exited", Type="oneshot")
    host.add(
        "postfix@-.service",
        Type="forking",
        PartOf="postfix.service other.target",
        FragmentPath="/lib/systemd/system/postfix@.service",
    )
    host.owners = {
        "/usr/lib/systemd/system/postfix@.service": "postfix",
        "/usr/lib/postfix/sbin/master": "postfix-core",
    }
    add_process(tmp_path, 70, "postfix@-.service", 94149)
    (unit,) = look(host, tmp_path, programs={70: "/usr/lib/postfix/sbin/master"})["units"]
    assert unit == {
        "unit": "postfix@-.service",
        "names": ["postfix@-.service"],
        "umbrellas": ["postfix.service"],
        "owner": "postfix",
        "packages": ["postfix", "postfix-core"],
        "program": "/usr/lib/postfix/sbin/master",
        "tcp": [25],
        "local": [25],
        "udp": [],
        "page": False,
        "hold": "",
        "refusal": "",
    }


def test_who_listens_at_the_port_of_http_is_asked_for_a_page(host: Host, tmp_path: Path) -> None:
    host.add("web.service")
    add_process(tmp_path, 71, "web.service", 94150)
    assert look(host, tmp_path)["units"][0]["page"] is True


def test_an_interpreter_is_not_of_the_service(host: Host, tmp_path: Path) -> None:
    host.add("api.service", MainPID="7", FragmentPath="/lib/systemd/system/api.service")
    host.owners = {"/lib/systemd/system/api.service": "api", "/usr/bin/python3.11": "python3.11-minimal"}
    (unit,) = look(host, tmp_path, programs={7: "/usr/bin/python3.11"})["units"]
    assert unit["packages"] == ["api"]


def test_what_an_interpreter_was_told_to_run_is_of_the_service(host: Host, tmp_path: Path) -> None:
    program = tmp_path / "usr/bin/apid"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    command = "{ path=/usr/bin/python3 ; argv[]=/usr/bin/python3 /usr/bin/apid ; ignore_errors=no ; pid=7 }"
    host.add("api.service", MainPID="7", FragmentPath="/etc/systemd/system/api.service", ExecStart=command)
    host.owners = {"/usr/bin/apid": "api-bin", "/usr/bin/python3": "python3-minimal"}
    (unit,) = look(host, tmp_path, programs={7: "/usr/bin/python3.11"})["units"]
    assert unit["packages"] == ["api-bin"]


def test_a_package_whose_preinst_insists_on_a_stopped_daemon_is_told(host: Host, tmp_path: Path) -> None:
    host.add("db.service", FragmentPath="/lib/systemd/system/db.service")
    host.owners = {"/lib/systemd/system/db.service": "db"}
    host.versions = {"db": "1.0"}
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "db.preinst").write_text(
        '#!/bin/sh\nset -e\nif [ "$1" = upgrade ]; then\n  systemctl stop db\nfi\n'
    )
    (unit,) = look(host, tmp_path)["units"]
    assert unit["hold"] == "the preinst of db stops it without asking"


def test_what_matches_is_told_by_name_alone(host: Host, tmp_path: Path) -> None:
    host.add("getty@tty1.service")
    host.add("ssh.socket", SubState="listening", Triggers="ssh.service")
    found = look(host, tmp_path, "getty@*", "ssh")
    assert (found["units"], found["ignored"], found["on_demand"]) == ([], ["getty@tty1.service"], [])


def test_what_should_run_and_does_not_is_told(host: Host, tmp_path: Path) -> None:
    down = {"ActiveState": "inactive", "SubState": "dead"}
    host.add("failed.service", ActiveState="failed", SubState="failed", UnitFileState="disabled")
    host.add("enabled.service", **down, UnitFileState="enabled")
    host.add("disabled.service", **down, UnitFileState="disabled")
    host.add("elsewhere.service", **down, UnitFileState="enabled", ConditionResult="no")
    host.add("once.service", **down, UnitFileState="enabled", Type="oneshot")
    host.add("timed.service", **down, UnitFileState="enabled", TriggeredBy="timed.timer")
    assert look(host, tmp_path)["stopped"] == {
        "failed.service": "failed (failed)",
        "enabled.service": "inactive (dead)",
    }


def test_a_socket_whose_service_waits_to_be_asked_is_told(host: Host, tmp_path: Path) -> None:
    host.add("idle.socket", SubState="listening", Triggers="idle.service")
    host.add("idle.service", ActiveState="inactive", SubState="dead", UnitFileState="static")
    host.add("busy.socket", SubState="running", Triggers="busy.service")
    host.add("busy.service")
    assert look(host, tmp_path)["on_demand"] == ["idle.socket"]


def test_a_unit_that_somebody_began_by_hand_is_left_out(host: Host, tmp_path: Path) -> None:
    host.add("run-r1.service", FragmentPath="/run/systemd/transient/run-r1.service")
    assert look(host, tmp_path)["units"] == []


def test_a_host_without_systemd_is_an_error(host: Host, tmp_path: Path) -> None:
    host.run = lambda *_args, **_more: (1, "", "System has not been booted with systemd")  # type: ignore[method-assign]
    with pytest.raises(
        HostError, match=r"systemd lists no units \(System has not been booted with systemd\)"
    ):
        look(host, tmp_path)


@pytest.mark.parametrize(("status", "answers"), [(200, True), (403, False), (500, False)])
def test_a_page_is_one_that_is_answered_with_200(status: int, answers: bool) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert answers_with_a_page(f"http://127.0.0.1:{server.server_port}/") is answers


def test_where_nobody_answers_there_is_no_page() -> None:
    assert answers_with_a_page("http://127.0.0.1:1/") is False
