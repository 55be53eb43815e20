from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import (
    Program,
    Systemd,
    UnitState,
    full_name,
    known_services,
    parse_units,
    read_program,
)
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = [
    ("nginx", "nginx.service"),
    ("nginx.service", "nginx.service"),
    ("nginx.socket", "nginx.socket"),
    ("postgresql@15-main", "postgresql@15-main.service"),
    ("my.app", "my.app.service"),
    ("a\\x2db", "a\\x2db.service"),
]


@pytest.mark.parametrize(("name", "unit"), NAMES)
def test_completes_the_name_of_a_unit(name: str, unit: str) -> None:
    assert full_name(name) == unit


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a\n", "$(x)"])
def test_refuses_what_is_no_name(name: str) -> None:
    with pytest.raises(HostError, match="is not a unit name"):
        full_name(name)


def test_what_a_unit_has_several_of_is_read_whole() -> None:
    shown = (
        "Id=a.service\nExecStart={ path=/bin/one }\nExecStart={ path=/bin/two }\n\nId=b.service\nExecStart=\n"
    )
    assert parse_units(shown) == [
        {"Id": "a.service", "ExecStart": "{ path=/bin/one }\n{ path=/bin/two }"},
        {"Id": "b.service", "ExecStart": ""},
    ]


def test_all_units_are_read_at_once() -> None:
    host = FakeHost()
    host.add("alpha.service", Names="alpha.service omega.service")
    host.add("beta.service", ActiveState="inactive", SubState="dead", InvocationID="")
    states = Systemd(host.run).show(["omega.service", "beta.service", "nosuch.service"])
    assert len(host.commands) == 1
    assert states["omega.service"] == UnitState(
        "alpha.service", ("alpha.service", "omega.service"), "loaded", "active", "running", "alpha.service-1"
    )
    assert not states["beta.service"].is_active
    assert not states["nosuch.service"].is_known


GOING_ALONG = ["ConsistsOf", "RequiredBy", "RequisiteOf", "BoundBy", "PropagatesStopTo"]


@pytest.mark.parametrize("key", GOING_ALONG)
def test_what_goes_along_is_told_in_every_way_that_systemd_has(key: str) -> None:
    host = FakeHost()
    host.add("alpha.service", **{"RequiredBy": "", key: "beta.service gamma.service"})
    assert Systemd(host.run).show(["alpha.service"])["alpha.service"].takes_along == (
        "beta.service",
        "gamma.service",
    )


STRICT = "/run/systemd/system/alpha.service.d/50-orderly-strict.conf"


@pytest.mark.parametrize(
    ("drop_ins", "refuses"), [("", True), (STRICT, False), (f"/etc/x.conf {STRICT}", False)]
)
def test_a_unit_in_our_strict_mode_refuses_nothing_by_itself(drop_ins: str, *, refuses: bool) -> None:
    host = FakeHost()
    host.add("alpha.service", CanStop="no", CanStart="no", DropInPaths=drop_ins)
    assert bool(Systemd(host.run).show(["alpha.service"])["alpha.service"].refusal) == refuses


SERVICES = [("active", "restart sockd.socket sockd.service"), ("inactive", "restart sockd.socket")]


@pytest.mark.parametrize(
    ("result", "checked", "is_passed_over"),
    [("no", "7", True), ("no", "0", False), ("no", "", False), ("yes", "7", False)],
)
def test_a_unit_whose_condition_was_not_met_is_passed_over(
    result: str, checked: str, *, is_passed_over: bool
) -> None:
    host = FakeHost()
    host.add("a.service", ActiveState="inactive", ConditionResult=result, ConditionTimestampMonotonic=checked)
    assert Systemd(host.run).show(["a.service"])["a.service"].is_passed_over is is_passed_over


@pytest.mark.parametrize(("service", "order"), SERVICES)
def test_a_socket_is_restarted_with_its_running_service(service: str, order: str) -> None:
    host = FakeHost()
    host.add("sockd.socket", Triggers="sockd.service")
    host.add("sockd.service", ActiveState=service)
    host.add("run.timer", Triggers="sockd.service")
    systemd = Systemd(host.run)
    states = systemd.show(["sockd.socket", "run.timer"])
    assert [state.takes_along for state in states.values()] == [("sockd.service",), ()]
    systemd.restart("sockd.socket")
    systemd.restart("run.timer")
    assert host.orders == [order, "restart run.timer"]


def test_no_units_need_no_command() -> None:
    host = FakeHost()
    assert Systemd(host.run).show([]) == {}
    assert host.commands == []


def test_says_so_where_systemd_does_not_answer() -> None:
    def run(_args: Sequence[str], **_: object) -> tuple[int, str, str]:
        return 1, "", "System has not been booted with systemd as init system"

    with pytest.raises(
        HostError, match=r"systemd reports nothing about a.service: System has not been booted"
    ):
        Systemd(run).show(["a.service"])


def test_a_name_that_is_no_unit_is_no_service() -> None:
    with pytest.raises(HostError, match=r'Unknown service "nosuch" on .*there is no unit nosuch.service'):
        known_services(["nosuch"], Systemd(FakeHost().run))


def test_reads_what_a_process_runs() -> None:
    program = read_program(os.getpid())
    assert program is not None
    assert os.path.samefile(program.path, sys.executable)
    assert not program.replaced


def test_a_process_that_has_ended_runs_nothing() -> None:
    assert read_program(2**22 + 1) is None


@pytest.mark.parametrize("tree", ["", "systemd"])
def test_of_a_daemon_without_a_main_process_the_oldest_one_counts(tmp_path: Path, tree: str) -> None:
    group = tmp_path / "sys/fs/cgroup" / tree / "system.slice/postfix@-.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("702\n701\n703\n")
    host = FakeHost()
    kinds = {"postfix@-.service": "forking", "networking.service": "oneshot", "ended.service": "forking"}
    for unit, kind in kinds.items():
        host.add(unit, Type=kind, ControlGroup=f"/system.slice/{unit}")
    found = Systemd(
        host.run, lambda pid: Program(str(pid), "/usr/lib/postfix/master", replaced=True), tmp_path
    )
    programs = {unit: state.program for unit, state in found.show(list(kinds)).items()}
    assert programs == {
        "postfix@-.service": Program("701", "/usr/lib/postfix/master", replaced=True),
        "networking.service": None,
        "ended.service": None,
    }
