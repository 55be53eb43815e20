"""What the script takes for running, and what goes along: as systemd says it, of any type of unit and by any name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import sort_records
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, Host

if TYPE_CHECKING:
    from pathlib import Path

USUAL = ["stop", "restart", "try-restart"]
RUN = "7" * 32
DOES = 'case $1 in is-enabled) echo enabled ;; --quiet) echo "$*" >>"${0%/*}/done" ;; esac'


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host with systemd on which nothing is listed yet."""
    host = Host(tmp_path)
    (host.root / "run/systemd/system").mkdir()
    (host.root / "usr/sbin").mkdir()
    for link in ("usr/sbin/policy-rc.d", "usr/lib/orderly/policy-rc.d"):
        (host.root / link).symlink_to(host.script)
    return host


def done(host: Host) -> list[str]:
    file = host.root / "bin/done"
    return file.read_text().splitlines() if file.exists() else []


def trouble(host: Host) -> str:
    file = host.root / "run/orderly/policy.trouble"
    return file.read_text() if file.exists() else ""


# --- What runs ---

TYPES = ["socket", "timer", "path", "target", "mount"]


@pytest.mark.parametrize("suffix", TYPES)
def test_a_listed_unit_of_any_type_leaves_a_record(host: Host, suffix: str) -> None:
    host.block(**{f"alpha__{suffix}": USUAL})
    host.unit(f"alpha.{suffix}", InvocationID=RUN)
    assert host.deb_systemd_invoke("restart", f"alpha.{suffix}") == ALLOWED
    record = host.records()[f"alpha.{suffix}"]
    assert (record["invocation_id"], record["collateral"]) == (RUN, False)


STATES = [
    *((state, "restart", True) for state in ("active", "reloading", "activating", "deactivating", "failed")),
    ("inactive", "restart", False),
    ("failed", "try-restart", False),
    ("failed", "stop", False),
    ("activating", "stop", True),
]


@pytest.mark.parametrize(("state", "action", "is_recorded"), STATES)
def test_what_is_on_its_way_or_has_failed_is_recorded(
    host: Host, state: str, action: str, *, is_recorded: bool
) -> None:
    host.block(alpha__service=USUAL)
    host.unit("alpha.service", state, InvocationID=RUN)
    assert host.ask("alpha", action) == DENIED
    assert bool(host.records()) == is_recorded


def test_a_unit_that_has_a_new_name_and_the_old_one_as_an_alias_leaves_a_record(host: Host) -> None:
    host.block(oldd__service=USUAL)
    host.alias("oldd.service", "newd.service")
    host.run("oldd.service", invocation=RUN)  # systemd's mark keeps the name by which the unit was started
    host.unit("newd.service", "active", "oldd.service", InvocationID=RUN)
    assert host.ask("newd.service", "restart") == DENIED
    assert host.records()["newd.service"]["invocation_id"] == RUN


def test_a_pattern_means_running_units_of_any_type(host: Host) -> None:
    host.block(alpha=USUAL, **{"alpha@1__socket": USUAL})
    host.unit("alpha@1.socket", InvocationID=RUN)
    host.systemctl('case $1 in list-units) echo "alpha@1.socket loaded active listening alpha" ;; esac')
    assert host.deb_systemd_invoke("restart", "alpha@*.socket") == ALLOWED
    assert list(host.records()) == ["alpha@1.socket"]


# --- Where systemd does not answer ---

SILENCES = ["exit 1", "exit 0", "kill -9 $$"]


@pytest.mark.parametrize("silence", SILENCES)
def test_without_an_answer_a_restart_of_what_is_listed_is_recorded(host: Host, silence: str) -> None:
    host.block(alpha__socket=USUAL)
    host.systemctl(silence)
    assert host.ask("alpha.socket", "restart") == DENIED
    assert host.records()["alpha.socket"]["invocation_id"] == "unknown"
    (record,) = DeferredStore(host.root).read()[0]
    later = UnitState(record.unit, (record.unit,), active="active", invocation_id=RUN)
    assert [entry.unit for entry in sort_records([record], {record.unit: later}, boot_id()).pending] == [
        record.unit
    ]


@pytest.mark.parametrize("silence", SILENCES)
def test_without_an_answer_about_what_goes_along_a_restart_waits(host: Host, silence: str) -> None:
    host.block(alpha__service=USUAL)
    host.run("alpha.service", "gamma.service")
    host.systemctl(silence)
    assert host.ask("gamma", "restart") == DENIED
    assert host.ask("gamma", "start") == ALLOWED
    assert "does not say" in trouble(host)
    record = host.records()["gamma.service"]
    assert (record["collateral"], record["policy_requestor_type"]) == (True, "orderly")
    host.ask("--restart-collateral")
    assert "gamma.service" in host.records()
    host.systemctl(DOES)
    host.ask("--restart-collateral")
    assert (done(host), host.records()) == (["--quiet restart -- gamma.service"], {})


@pytest.mark.parametrize("answer", ["exit 1", "exit 0"])
def test_a_neighbour_that_may_be_enabled_stays_owed(host: Host, answer: str) -> None:
    host.block(alpha__service=USUAL)
    host.run("alpha.service")
    host.systemctl(f'[ "$1" != is-enabled ] || {answer}')
    host.deb_systemd_invoke("restart", "idle.service", "alpha.service")
    host.ask("--restart-collateral")
    assert "idle.service" in host.records()


def test_a_neighbour_that_is_gone_is_owed_nothing(host: Host) -> None:
    host.block(alpha__service=USUAL)
    host.run("alpha.service")
    host.unit("idle.service", "inactive", LoadState="not-found")
    host.systemctl('[ "$1" != is-enabled ] || exit 1')
    host.deb_systemd_invoke("restart", "idle.service", "alpha.service")
    host.ask("--restart-collateral")
    assert list(host.records()) == ["alpha.service"]


def test_without_perl_what_bears_no_mark_is_not_taken_for_settled(host: Host) -> None:
    host.block(alpha__socket=USUAL)
    host.ask("--list")
    host.without_perl()
    assert host.ask("alpha.socket", "restart") == DENIED
    assert host.records()["alpha.socket"]["invocation_id"] == "unknown"


# --- What goes along ---

PROPERTIES = ["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"]


@pytest.mark.parametrize("last", PROPERTIES)
@pytest.mark.parametrize("first", PROPERTIES)
def test_what_takes_a_listed_unit_along_over_any_number_of_levels_waits(
    host: Host, first: str, last: str
) -> None:
    host.block(cc__service=USUAL)
    host.run("cc.service")
    host.unit("aa.service", **{first: "bb.service"})
    host.unit("bb.service", **{last: "cc.service other.service"})
    assert host.ask("aa", "restart") == DENIED
    assert host.records()["aa.service"]["drags"] == ["cc.service"]
    asked = (host.root / "asked").read_text().splitlines()
    assert [line.split(" -- ")[1] for line in asked] == [
        "aa.service",
        "bb.service",
        "cc.service other.service",
    ]


@pytest.mark.parametrize(
    ("action", "answer"), [("stop", DENIED), ("restart", DENIED), ("try-restart", ALLOWED)]
)
def test_what_does_not_run_takes_along_what_depends_on_it(host: Host, action: str, answer: int) -> None:
    host.block(cc__service=USUAL)
    host.run("cc.service")
    host.unit("aa.service", "inactive", BoundBy="cc.service")
    assert host.ask("aa", action) == answer
    assert host.records() == {}


def test_a_socket_goes_with_its_running_service_and_waits_with_it(host: Host) -> None:
    host.block(sockd__service=USUAL)
    host.run("sockd.service")
    host.unit("sockd.socket", Triggers="sockd.service", InvocationID=RUN)
    assert host.deb_systemd_invoke("restart", "sockd.service", "sockd.socket") == ALLOWED
    host.systemctl(DOES)
    assert host.ask("--restart-collateral") == ALLOWED
    assert done(host) == []
    records = host.records()
    assert (records["sockd.socket"]["collateral"], records["sockd.socket"]["drags"]) == (
        False,
        ["sockd.service"],
    )


@pytest.mark.parametrize(
    ("service", "expected"), [("active", "gamma.socket gamma.service"), ("inactive", "gamma.socket")]
)
def test_a_neighbouring_socket_is_restarted_with_its_service(host: Host, service: str, expected: str) -> None:
    host.block(alpha__service=USUAL)
    host.run("alpha.service")
    host.unit("gamma.socket", Triggers="gamma.service", InvocationID=RUN)
    host.unit("gamma.service", service)
    host.systemctl(DOES)
    host.deb_systemd_invoke("restart", "gamma.socket", "alpha.service")
    assert host.ask("--restart-collateral") == ALLOWED
    assert done(host) == [f"--quiet restart -- {expected}"]


# --- Which version ran before ---

BEFORE = [
    ("postinst", "configure 1.0-1", "restart", "1.0-1"),
    ("postinst", "configure", "restart", None),
    ("preinst", "upgrade 1.0-1 2.0", "stop", "1.0-1"),
    ("prerm", "upgrade 2.0", "stop", "1.5"),
    ("prerm", "failed-upgrade 1.0-1 2.0", "stop", "1.0-1"),
    ("prerm", "remove in-favour other 2.0", "stop", "1.5"),
    ("prerm", "deconfigure in-favour other 2.0", "stop", "1.5"),
    ("postrm", "upgrade 2.0", "restart", None),
    ("postinst", "triggered /etc/x.d", "restart", None),
    ("postinst", "abort-upgrade 2.0", "restart", None),
]


@pytest.mark.parametrize(("script", "arguments", "action", "before"), BEFORE)
def test_a_record_says_which_version_ran_before(
    host: Host, script: str, arguments: str, action: str, before: str | None
) -> None:
    (host.root / "var/lib/dpkg").mkdir()
    (host.root / "var/lib/dpkg/status").write_text(
        "Package: demo-other\nVersion: 9\n\nPackage: demo\nStatus: install ok installed\nVersion: 1.5\n\n"
    )
    host.block(alpha__service=USUAL)
    host.run("alpha.service")
    host.maintainer_script(script, arguments, f"deb-systemd-invoke {action} alpha.service")
    found = host.records()["alpha.service"]["package_before"]
    assert (found if found is None else str(found)) == before
