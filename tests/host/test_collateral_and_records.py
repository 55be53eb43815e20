"""What the script does besides answering: collateral restarts, moved records, trouble; and that Python agrees."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import stat
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.made_up import read_made_up
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import Event, Record
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, SCRIPT, Host

if TYPE_CHECKING:
    from pathlib import Path

USUAL = ["stop", "restart", "try-restart"]
RUN = "1" * 32
TEST = Requestor("ansible", "test")
# A systemctl that writes down what it is told to do.
DOES = 'case $1 in show) ;; is-enabled) echo enabled ;; *) echo "$*" >>"${0%/*}/done" ;; esac'


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host on which alpha runs and must not be restarted, and gamma runs and may."""
    host = Host(tmp_path)
    host.block(alpha__service=USUAL)
    host.run("alpha.service", "gamma.service")
    (host.root / "run/systemd/system").mkdir()
    (host.root / "usr/sbin").mkdir()
    for link in ("usr/sbin/policy-rc.d", "usr/lib/orderly/policy-rc.d"):
        (host.root / link).symlink_to(host.script)
    return host


def trouble(host: Host) -> str:
    file = host.root / "run/orderly/policy.trouble"
    return file.read_text() if file.exists() else ""


def done(host: Host) -> list[str]:
    file = host.root / "bin/done"
    return file.read_text().splitlines() if file.exists() else []


# --- Restarts that nobody forbade ---

COLLATERAL = [
    (("restart", "gamma.service"), ["--quiet restart -- gamma.service"]),
    (("stop", "gamma.service"), ["--quiet restart -- gamma.service"]),
    (("restart", "idle.service"), ["--quiet start -- idle.service"]),
    (("try-restart", "idle.service"), []),
]


@pytest.mark.parametrize(("call", "expected"), COLLATERAL)
def test_when_dpkg_is_done_a_neighbour_that_nobody_lists_is_restarted(
    host: Host, call: tuple[str, str], expected: list[str]
) -> None:
    host.systemctl(DOES)
    host.deb_systemd_invoke(*call, "alpha.service")
    assert host.ask("--restart-collateral") == ALLOWED
    assert done(host) == expected
    assert list(host.records()) == ["alpha.service"]
    assert trouble(host) == ""


def made_up(host: Host) -> list[dict[str, str]]:
    return [{key: each[key] for key in ("unit", "action", "package")} for each in read_made_up(host.root)]


def test_a_restart_that_was_made_up_for_leaves_a_trace_until_apt_runs_again(host: Host) -> None:
    host.systemctl(DOES)
    gamma = {"unit": "gamma.service", "action": "restart", "package": "demo"}
    idle = {"unit": "idle.service", "action": "start", "package": "demo"}
    wants = "deb-systemd-invoke restart {} alpha.service"
    host.maintainer_script("postinst", "configure 1", wants.format("gamma.service"))
    host.ask("--restart-collateral")
    assert "orderly.services: gamma.service: restart is done at the end of dpkg's run, for demo" in host.said
    assert made_up(host) == [gamma]
    host.ask("--dpkg-begins")  # the next dpkg of the same apt
    host.maintainer_script("postinst", "configure 1", wants.format("idle.service"))
    host.ask("--restart-collateral")
    assert made_up(host) == [gamma, idle]
    notes = host.root / "run/orderly/dpkg.made-up"
    notes.write_text(re.sub(r"frontend\t.*", "frontend\t1:1", notes.read_text()))
    host.ask("--dpkg-begins")  # of another apt
    assert made_up(host) == []


def test_what_could_not_be_started_was_not_made_up_for(host: Host) -> None:
    host.systemctl(FAILS)
    host.deb_systemd_invoke("restart", "gamma.service", "alpha.service")
    host.ask("--restart-collateral")
    assert made_up(host) == []


def test_what_is_disabled_and_does_not_run_stays_down(host: Host) -> None:
    host.systemctl("echo disabled")
    host.deb_systemd_invoke("restart", "idle.service", "alpha.service")
    host.ask("--restart-collateral")
    assert list(host.records()) == ["alpha.service"]


def test_a_neighbour_that_was_listed_meanwhile_waits(host: Host) -> None:
    host.systemctl(DOES)
    host.deb_systemd_invoke("restart", "gamma.service", "alpha.service")
    host.block(alpha__service=USUAL, gamma__service=USUAL)
    host.ask("--restart-collateral")
    assert done(host) == []
    assert "gamma.service" in host.records()


def test_a_neighbour_that_was_restarted_meanwhile_is_left_alone(host: Host) -> None:
    host.systemctl(DOES)
    host.deb_systemd_invoke("restart", "gamma.service", "alpha.service")
    host.run("gamma.service", invocation="2" * 32)
    host.ask("--restart-collateral")
    assert done(host) == []
    assert list(host.records()) == ["alpha.service"]


FAILS = f'{DOES}; [ "$1" != --quiet ] || exit 1'


@pytest.mark.parametrize("unit", ["gamma.service", "idle.service"])
def test_a_restart_that_fails_is_tried_once_and_stays_on_record(host: Host, unit: str) -> None:
    host.systemctl(FAILS)
    host.deb_systemd_invoke("restart", unit, "alpha.service")
    assert host.ask("--restart-collateral") == ALLOWED
    host.unit(unit, "failed")  # as it is after that, and as an operator who stops it leaves it
    (host.root / f"run/systemd/units/invocation:{unit}").unlink(missing_ok=True)
    assert host.ask("--restart-collateral") == ALLOWED
    assert len(done(host)) == 1
    assert host.records()[unit]["failed_at"] > 0
    assert trouble(host) == ""
    (record,) = (each for each in DeferredStore(host.root).read()[0] if each.unit == unit)
    assert record.failed_at
    assert f"failed_at: {record.failed_at}" in record.render()


def test_what_a_package_wants_again_after_a_failure_is_tried_again_once(host: Host) -> None:
    host.systemctl(FAILS)
    for _time in range(2):
        host.deb_systemd_invoke("restart", "idle.service", "alpha.service")
        host.ask("--restart-collateral")
    assert done(host) == ["--quiet start -- idle.service"] * 2


def test_one_unit_that_two_requestors_denied_is_tried_once(host: Host) -> None:
    host.systemctl(FAILS)
    host.deb_systemd_invoke("restart", "idle.service", "alpha.service")
    (file,) = (host.root / "var/lib/policy-rc.d").glob("*idle*")
    file.with_name("other-team-idle.service.deferred").write_text(file.read_text())
    host.ask("--restart-collateral")
    assert len(done(host)) == 1


def test_tells_that_dpkg_ran_while_somebody_else_was_asked(host: Host) -> None:
    (host.root / "usr/sbin/policy-rc.d").unlink()
    (host.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    host.ask("--restart-collateral")
    assert "asked another script" in trouble(host)


# --- Units that go together ---


def test_what_takes_a_listed_unit_along_waits_too(host: Host) -> None:
    host.run("parent.service")
    host.unit("parent.service", RequiredBy="mid.service")
    host.unit("mid.service", ConsistsOf="alpha.service")
    assert host.ask("parent", "restart") == DENIED
    assert host.ask("parent", "start") == ALLOWED
    assert host.ask("gamma", "restart") == ALLOWED
    record = host.records()["parent.service"]
    assert (record["drags"], record["collateral"]) == (["alpha.service"], False)


def test_a_link_to_a_link_is_followed_and_a_circle_is_not(host: Host) -> None:
    host.alias("omega.service", "alpha.service")
    host.alias("sigma.service", "omega.service")
    host.alias("left.service", "right.service")
    host.alias("right.service", "left.service")
    assert host.ask("sigma", "restart") == DENIED
    assert host.ask("left", "restart") == ALLOWED


def test_an_instance_of_a_template_that_has_another_name(host: Host) -> None:
    host.block(**{"real@1__service": USUAL})
    host.alias("other@.service", "real@.service")
    assert host.ask("other@1", "restart") == DENIED
    assert host.ask("other@2", "restart") == ALLOWED


# --- Trouble, and files that are none ---


def test_what_was_written_to_run_is_moved_back(host: Host) -> None:
    (host.root / "var/lib/policy-rc.d").write_text("in the way")
    host.ask("alpha", "restart")
    (host.root / "var/lib/policy-rc.d").unlink()
    host.block(alpha__service=USUAL, gamma__service=USUAL)
    host.ask("gamma", "restart")
    assert sorted(host.records()) == ["alpha.service", "gamma.service"]
    assert not (host.root / "run/policy-rc.d").exists()


def test_no_record_at_all_is_told(host: Host) -> None:
    (host.root / "var/lib/policy-rc.d").write_text("in the way")
    (host.root / "run/policy-rc.d").write_text("in the way")
    assert host.ask("alpha", "restart") == DENIED
    assert "could be written neither to" in trouble(host)


LEFT = [
    "var/lib/policy-rc.d/.ansible-test-gamma.service.deferred.",
    "var/lib/policy-rc.d/.last-known-alpha.service.",
    "var/lib/orderly/.policy.known.",
    "etc/policy-rc.d/.ansible-test.policy.",
    "run/orderly/.units.links.",
]


@pytest.mark.parametrize("left", LEFT)
def test_what_a_killed_process_left_behind_is_tidied(host: Host, left: str) -> None:
    host.ask("alpha", "restart")
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive, other = (host.root / f"{left}{end}" for end in (ended.pid, os.getpid(), "x"))
    for file in (dead, alive, other):
        file.touch()
    host.ask("--list")
    assert [file.exists() for file in (dead, alive, other)] == [False, True, True]


@pytest.mark.parametrize("asked", [("alpha", "restart"), ("--restart-collateral",)])
def test_records_are_tidied_by_the_next_call_and_at_the_end_of_dpkg(
    host: Host, asked: tuple[str, ...]
) -> None:
    left = host.root / "var/lib/policy-rc.d/.ansible-test-gamma.service.deferred.99999999"
    left.parent.mkdir()
    left.touch()
    host.ask(*asked)
    assert not left.exists()


def test_a_folder_that_is_a_link_is_not_written_to(host: Host) -> None:
    (host.root / "elsewhere").mkdir()
    (host.root / "var/lib/policy-rc.d").symlink_to(host.root / "elsewhere")
    assert host.ask("alpha", "restart") == DENIED
    assert not list((host.root / "elsewhere").iterdir())


def test_a_policy_that_is_a_link_is_not_obeyed(host: Host) -> None:
    (host.root / "text").write_text("blocked_actions: {gamma: [restart]}\n")
    (host.root / "etc/policy-rc.d/link.policy").symlink_to(host.root / "text")
    assert host.ask("gamma", "restart") == ALLOWED


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_policy_of_somebody_else_is_not_obeyed(host: Host) -> None:
    host.policy("others", "blocked_actions: {gamma: [restart]}\n")
    os.chown(host.root / "etc/policy-rc.d/others.policy", 65534, 65534)
    assert host.ask("gamma", "restart") == ALLOWED
    assert host.ask("alpha", "restart") == DENIED


def test_lists_what_may_be_done_to_a_unit(host: Host) -> None:
    assert host.ask("--list", "alpha", "5") == ALLOWED
    assert "alpha.service restart: denied by ansible test, no fallback\n" in host.said
    assert "alpha.service start: allowed, no fallback\n" in host.said


# --- Script and Python write one ledger ---


def note(
    host: Host, requestor: Requestor = TEST, unit: str = "alpha.service", reason: str = "Moved"
) -> Record:
    state = UnitState(unit, (unit,), active="active", invocation_id=RUN)
    return DeferredStore(host.root).record(Event(unit, "reload", reason, requestor), state, boot_id(), 1000)


def test_what_python_wrote_the_script_continues(host: Host) -> None:
    note(host, reason="File(s) changed: /etc/\u00e4: {x}")
    host.ask("alpha", "restart")
    (record,) = DeferredStore(host.root).read()[0]
    assert (record.count, record.since, record.actions) == (2, 1000, ("reload", "restart"))
    assert record.reason == "Package update; File(s) changed: /etc/\u00e4: {x}"


def test_what_the_script_wrote_python_continues(host: Host) -> None:
    host.ask("alpha", "restart")
    record = note(host, reason="File(s) changed: /etc/x")
    assert (record.count, record.reason) == (2, "Package update; File(s) changed: /etc/x")
    assert len(list((host.root / "var/lib/policy-rc.d").iterdir())) == 1


def test_the_script_ends_a_dismissal_too(host: Host) -> None:
    record = note(host)
    DeferredStore(host.root).exchange([(record, replace(record, dismissed="gone tonight"))])
    host.ask("alpha", "restart")
    assert [file.name for file in (host.root / "var/lib/policy-rc.d").iterdir()] == [
        "ansible-test-alpha.service.deferred"
    ]


# --- Local users, and newer versions ---


def test_nobody_else_can_hold_the_lock_of_the_records(host: Host) -> None:
    lock = host.root / "run/orderly/records.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    lock.chmod(0o644)
    with lock.open() as others:
        fcntl.flock(others, fcntl.LOCK_SH)
        began = time.monotonic()
        assert host.ask("alpha", "restart") == DENIED
    assert time.monotonic() - began < 5
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    assert host.records().keys() == {"alpha.service"}


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777])
def test_our_state_is_for_root_alone_and_records_are_for_all(host: Host, mode: int) -> None:
    for folder in ("var/lib/orderly", "var/lib/policy-rc.d"):
        (host.root / folder).mkdir()
        (host.root / folder).chmod(mode)
    host.ask("alpha", "restart")
    modes = [
        stat.S_IMODE((host.root / name).stat().st_mode) for name in ("var/lib/orderly", "var/lib/policy-rc.d")
    ]
    assert modes == [0o700, 0o755]


@pytest.mark.parametrize("suffix", ["deferred", "dismissed"])
def test_a_record_of_a_newer_version_stays_as_it_is(host: Host, suffix: str) -> None:
    folder = host.root / "var/lib/policy-rc.d"
    folder.mkdir()
    newer = "format: 2\nservice: alpha.service\ncollateral: true\nunit: alpha.service\nactions: [restart]\n"
    (folder / f"ansible-test-alpha.service.{suffix}").write_text(newer)
    for _time in range(2):
        assert host.ask("alpha", "restart") == DENIED
    host.policy("ansible-test", "blocked_actions: {}\n")
    assert host.ask("--restart-collateral") == ALLOWED
    assert (folder / f"ansible-test-alpha.service.{suffix}").read_text() == newer
    (record,) = [each for each in DeferredStore(host.root).read()[0] if each.unit == "alpha.service"]
    assert (record.count, record.path.endswith(".format-1.deferred")) == (2, suffix == "deferred")


def test_the_disk_is_told_the_name_of_a_record_by_the_kernel(host: Host) -> None:
    notes = (
        "{ open my $n, '>', \"$ROOT/told\"; print $n join ' ', $_[0], readlink \"/proc/self/fd/$_[1]\"; 0 }"
    )
    host.install(
        SCRIPT.read_text().replace(
            "#!perl -w\n", f"#!perl -w\nBEGIN {{ *CORE::GLOBAL::syscall = sub {notes} }}\n", 1
        )
    )
    host.ask("alpha", "restart")
    number, folder = (host.root / "told").read_text().split()
    assert folder == f"{host.root}/var/lib/policy-rc.d"
    assert is_fsync(int(number))


def is_fsync(number: int) -> bool:
    """Tell whether this is the kernel's number of fsync: it takes folders, neither pipes nor what is closed."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    folder, pipe = os.open("/", os.O_RDONLY), os.pipe()
    found = [call(number, each) and ctypes.get_errno() for each in (folder, pipe[0], 9999)]
    os.fstat(folder)
    for each in (folder, *pipe):
        os.close(each)
    return found == [0, errno.EINVAL, errno.EBADF]


def test_the_disk_is_told_by_a_program_on_a_machine_that_nobody_thought_of(host: Host) -> None:
    program = host.root / "bin/sync"
    program.write_text('#!/bin/sh\necho "$*" >>"${0%/*}/synced"\n')
    program.chmod(0o755)
    host.install(SCRIPT.read_text().replace("-linux-gnu[a-z]*/perl-base", "-other-gnu/perl-base", 1))
    host.ask("alpha", "restart")
    assert f"{host.root}/var/lib/policy-rc.d" in (host.root / "bin/synced").read_text().split()
