"""What was started anew while dpkg was at work, though a policy forbids it, is told: by whom nobody asked."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, Host

if TYPE_CHECKING:
    from pathlib import Path

USUAL = ["stop", "restart", "try-restart"]
ANEW = "2" * 32


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host on which alpha runs and must not be restarted, and gamma runs and may."""
    host = Host(tmp_path)
    host.block(alpha__service=USUAL)
    host.run("alpha.service", "gamma.service")
    for folder in ("run/systemd/system", "usr/sbin", "var/log", "var/lib/dpkg/updates"):
        (host.root / folder).mkdir(parents=True)
    for link in ("usr/sbin/policy-rc.d", "usr/lib/orderly/policy-rc.d"):
        (host.root / link).symlink_to(host.script)
    return host


def trouble(host: Host) -> str:
    file = host.root / "run/orderly/policy.trouble"
    return file.read_text() if file.exists() else ""


def log(host: Host, *lines: tuple[float, str]) -> None:
    text = "".join(
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(when))} {line}\n" for when, line in lines
    )
    (host.root / "var/log/dpkg.log").write_text(text)


def test_a_listed_unit_that_was_started_anew_is_told_with_package_and_time(host: Host) -> None:
    assert host.ask("--dpkg-begins") == ALLOWED
    host.run("alpha.service", "gamma.service", invocation=ANEW)
    began = os.lstat(host.root / "run/systemd/units/invocation:alpha.service").st_mtime
    log(
        host,
        (began - 9, "configure early:all 1 2"),
        (began - 5, "configure demo:amd64 1 2"),
        (began - 4, "status half-configured demo:amd64 2"),
        (began + 5, "configure late:all 1 2"),
    )
    assert host.ask("--restart-collateral") == ALLOWED
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
    assert trouble(host).splitlines() == [
        f"policy-rc.d: alpha.service was started anew at {when}, while dpkg was at work with demo, though ansible test "
        "blocks that: whoever did it did not ask"
    ]


def test_it_is_told_once(host: Host) -> None:
    host.ask("--dpkg-begins")
    host.run("alpha.service", invocation=ANEW)
    host.ask("--restart-collateral")
    host.ask("--restart-collateral")
    assert "at work with a package, though" in trouble(host)
    assert trouble(host).count("\n") == 1


def test_a_listed_socket_counts_too(host: Host) -> None:
    host.block(alpha__socket=USUAL)
    host.unit("alpha.socket", InvocationID="1" * 32)
    host.ask("--dpkg-begins")
    host.unit("alpha.socket", InvocationID=ANEW)
    host.ask("--restart-collateral")
    assert "alpha.socket was started anew" in trouble(host)


@pytest.mark.parametrize("unit", ["gamma.service", "delta.service"])
def test_what_is_not_listed_or_did_not_run_is_not_told(host: Host, unit: str) -> None:
    host.block(alpha__service=USUAL, delta__service=USUAL)
    host.ask("--dpkg-begins")
    host.run(unit, invocation=ANEW)
    host.ask("--restart-collateral")
    assert trouble(host) == ""


def test_what_a_restart_of_ours_may_have_done_is_not_told(host: Host) -> None:
    host.ask("--dpkg-begins")
    (host.root / "var/lib/orderly/restarting").mkdir(parents=True)
    host.run("alpha.service", invocation=ANEW)
    host.ask("--restart-collateral")
    assert trouble(host) == ""


# --- Units that are down at the end ---


def test_a_listed_unit_that_is_down_at_the_end_is_told(host: Host) -> None:
    host.ask("--dpkg-begins")
    (host.root / "run/systemd/units/invocation:alpha.service").unlink()
    host.unit("alpha.service", "inactive", InactiveEnterTimestamp="Sun 2026-11-29 19:23:45 UTC")
    (host.root / "var/log/dpkg.log").write_text(
        "2026-11-29 19:23:44 configure demo:amd64 1 2\n2026-11-29 19:23:50 configure late:all 1 2\n"
    )
    host.ask("--restart-collateral")
    assert trouble(host).splitlines() == [
        "policy-rc.d: alpha.service ran when dpkg began and went down (inactive) while dpkg was at work with demo, "
        "though ansible test blocks that: it ended by itself, or whoever stopped it did not ask"
    ]


ENDS = [
    ({"Type": "oneshot"}, "a task that ends by itself"),
    ({"Type": "dbus"}, "what is started when it is needed"),
]


@pytest.mark.parametrize("properties", [case[0] for case in ENDS], ids=[case[1] for case in ENDS])
def test_what_ends_by_its_nature_is_not_told(host: Host, properties: dict[str, str]) -> None:
    host.ask("--dpkg-begins")
    (host.root / "run/systemd/units/invocation:alpha.service").unlink()
    host.unit("alpha.service", "inactive", **properties)
    host.ask("--restart-collateral")
    assert trouble(host) == ""


def test_what_an_operator_paused_meanwhile_is_not_told(host: Host) -> None:
    host.ask("--dpkg-begins")
    (host.root / "run/systemd/units/invocation:alpha.service").unlink()
    host.unit("alpha.service", "inactive")
    (host.root / "var/lib/orderly/paused").mkdir(parents=True)
    (host.root / "var/lib/orderly/paused/alpha.service").write_text("")
    host.ask("--restart-collateral")
    assert trouble(host) == ""


def test_where_systemd_does_not_answer_nothing_is_said_of_what_is_down(host: Host) -> None:
    host.ask("--dpkg-begins")
    (host.root / "run/systemd/units/invocation:alpha.service").unlink()
    host.systemctl("exit 1")
    host.ask("--restart-collateral")
    assert "alpha.service ran when dpkg began" not in trouble(host)


# --- Units that come back ---


def goes_down(host: Host, how: str = "inactive") -> None:
    """A script of another package stops alpha, and asks nobody."""
    (host.root / "run/systemd/units/invocation:alpha.service").unlink()
    host.unit("alpha.service", how)


def comes_back(host: Host) -> None:
    (host.root / "units/alpha.service").unlink()
    host.run("alpha.service", invocation=ANEW)


ASKED = ["start", "restart", "try-restart"]


@pytest.mark.parametrize("action", ASKED)
@pytest.mark.parametrize("how", ["inactive", "failed"])
def test_what_went_down_without_a_question_may_be_started_by_its_own_package(
    host: Host, action: str, how: str
) -> None:
    host.ask("--dpkg-begins")
    goes_down(host, how)
    assert (
        host.maintainer_script("postinst", "configure 1", f"deb-systemd-invoke {action} alpha.service") == 1
    )
    assert host.records() == {}


def test_in_a_later_dpkg_of_the_same_apt_too_and_then_that_it_was_started_anew_is_told(host: Host) -> None:
    host.ask("--dpkg-begins")
    goes_down(host)
    host.ask("--restart-collateral")
    assert "alpha.service ran when dpkg began and went down" in trouble(host)
    host.ask("--dpkg-begins")
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == ALLOWED
    comes_back(host)
    host.ask("--restart-collateral")
    assert "alpha.service was started anew" in trouble(host)
    assert trouble(host).count("\n") == 1
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == DENIED


def test_it_stays_told_while_the_unit_is_down(host: Host) -> None:
    host.ask("--dpkg-begins")
    goes_down(host)
    host.ask("--restart-collateral")
    said = trouble(host)
    for _again in range(2):
        host.ask("--dpkg-begins")
        host.ask("--restart-collateral")
    assert trouble(host) == said != ""


def test_what_an_operator_started_meanwhile_is_no_longer_told(host: Host) -> None:
    host.ask("--dpkg-begins")
    goes_down(host)
    host.ask("--restart-collateral")
    comes_back(host)
    mark = host.root / "run/systemd/units/invocation:alpha.service"
    os.utime(mark, (time.time() - 60,) * 2, follow_symlinks=False)
    host.ask("--dpkg-begins")
    host.ask("--restart-collateral")
    assert trouble(host) == ""


def test_what_was_down_before_dpkg_stays_down(host: Host) -> None:
    goes_down(host)
    host.ask("--dpkg-begins")
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == DENIED


def test_another_run_of_apt_does_not_start_it(host: Host) -> None:
    host.ask("--dpkg-begins")
    goes_down(host)
    host.ask("--restart-collateral")
    note = host.root / "run/orderly/dpkg.ended"
    note.write_text(note.read_text().replace("frontend\tnone", "frontend\t4711:15"))
    host.ask("--dpkg-begins")
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == DENIED


def test_what_must_not_start_either_stays_down(host: Host) -> None:
    host.block(alpha__service=[*USUAL, "start"])
    host.ask("--dpkg-begins")
    goes_down(host)
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == DENIED


def test_what_an_operator_paused_stays_down(host: Host) -> None:
    host.ask("--dpkg-begins")
    goes_down(host)
    (host.root / "var/lib/orderly/paused").mkdir(parents=True)
    (host.root / "var/lib/orderly/paused/alpha.service").write_text("")
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == DENIED


def test_where_systemd_does_not_answer_it_is_denied(host: Host) -> None:
    host.ask("--dpkg-begins")
    goes_down(host)
    host.systemctl("exit 1")
    assert host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart") == DENIED


# --- Runs of dpkg that have no end, and those that come in pieces ---


def test_what_a_killed_dpkg_did_is_told_by_the_next(host: Host) -> None:
    host.ask("--dpkg-begins")
    host.run("alpha.service", invocation=ANEW)
    log(host, (time.time() - 1, "configure demo:amd64 1 2"))
    host.ask("--dpkg-begins")
    assert "alpha.service was started anew" in trouble(host)
    assert "at work with demo, though" in trouble(host)
    host.ask("--restart-collateral")
    assert trouble(host).count("\n") == 1


def test_what_an_operator_does_long_after_a_killed_dpkg_is_not_told(host: Host) -> None:
    host.ask("--dpkg-begins")
    log(host, (time.time() - 900, "configure demo:amd64 1 2"))
    os.utime(host.root / "var/log/dpkg.log", (time.time() - 900,) * 2)
    host.run("alpha.service", invocation=ANEW)
    host.ask("--dpkg-begins")
    assert trouble(host) == ""


def remove(host: Host, *how: str) -> None:
    """Remove the package demo as dpkg does, with a run of dpkg for itself; its unit may stop."""
    host.ask("--dpkg-begins")
    arguments = " ".join(("remove", *how))
    assert host.maintainer_script("prerm", arguments, "policy-rc.d alpha.service stop") == ALLOWED
    (host.root / "run/systemd/units/invocation:alpha.service").unlink()
    host.unit("alpha.service", "inactive")
    host.ask("--restart-collateral")


def test_a_unit_that_goes_with_its_package_is_not_told(host: Host) -> None:
    remove(host)
    assert trouble(host) == ""


def test_a_unit_that_another_package_starts_again_after_it_went_is_told(host: Host) -> None:
    remove(host)
    host.ask("--dpkg-begins")
    (host.root / "units/alpha.service").unlink()
    host.run("alpha.service", invocation=ANEW)
    began = os.lstat(host.root / "run/systemd/units/invocation:alpha.service").st_mtime
    host.ask("--restart-collateral")
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
    assert trouble(host).splitlines() == [
        f"policy-rc.d: alpha.service was stopped when the package demo was removed, and started anew at {when}, though "
        "ansible test blocks that: another package has taken it over"
    ]
    host.ask("--dpkg-begins")
    host.run("alpha.service", invocation="3" * 32)
    host.ask("--restart-collateral")
    assert trouble(host).count("\n") == 2


def test_a_package_that_is_removed_and_installed_again_is_not_told(host: Host) -> None:
    remove(host)
    (host.root / "var/lib/dpkg/info").mkdir()
    (host.root / "var/lib/dpkg/info/demo.prerm").write_text("")
    host.ask("--dpkg-begins")
    (host.root / "units/alpha.service").unlink()
    host.run("alpha.service", invocation=ANEW)
    host.ask("--restart-collateral")
    assert trouble(host) == ""


def test_a_package_that_somebody_else_installs_later_is_not_told(host: Host) -> None:
    remove(host)
    note = host.root / "run/orderly/dpkg.removed"
    note.write_text(note.read_text().replace("frontend\tnone", "frontend\t4711:15"))
    host.ask("--dpkg-begins")
    (host.root / "units/alpha.service").unlink()
    host.run("alpha.service", invocation=ANEW)
    host.ask("--restart-collateral")
    assert trouble(host) == ""


# --- Restarts that another version takes back ---


def status(host: Host, version: str, noted: str = "") -> None:
    paragraph = "Package: other\nVersion: 9\n\nPackage: demo\nStatus: install ok installed\nVersion: {}\n"
    (host.root / "var/lib/dpkg/status").write_text(paragraph.format(version))
    if noted:
        (host.root / "var/lib/dpkg/updates/0003").write_text(paragraph.format(noted))


CALLS = [
    (("postinst", "configure 1"), ("2", ""), True),
    (("postinst", "configure 1"), ("1", "2"), True),
    (("postinst", "configure 2"), ("2", ""), False),  # dpkg-reconfigure, or installed again
    (("postinst", "triggered /etc/x"), ("2", ""), False),
    (("preinst", "upgrade 1 2"), ("1", ""), True),
    (("preinst", "upgrade 2 2"), ("2", ""), False),
    (("prerm", "upgrade 2"), ("1", ""), True),
]


@pytest.mark.parametrize(("script", "versions", "expected"), CALLS)
def test_a_record_says_whether_the_version_before_would_settle_it(
    host: Host, script: tuple[str, str], versions: tuple[str, str], *, expected: bool
) -> None:
    status(host, *versions)
    assert host.maintainer_script(*script, "policy-rc.d alpha restart") == DENIED
    assert host.records()["alpha.service"]["undone_by_version"] is expected


def test_a_second_package_or_a_second_reason_is_not_taken_back(host: Host) -> None:
    status(host, "2")
    host.maintainer_script("postinst", "configure 1", "policy-rc.d alpha restart")
    host.maintainer_script("postinst", "configure 2", "policy-rc.d alpha restart")
    status(host, "1")
    host.maintainer_script("postinst", "configure 2", "policy-rc.d alpha restart")
    assert host.records()["alpha.service"]["undone_by_version"] is False
