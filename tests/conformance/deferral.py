# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask policy-rc.d on a real host as Debian's packages do, and see what becomes of real units.

Each function that is marked as a behaviour tries one; README.md lists them. It needs nothing but Python, so that it can
be copied to a host and run there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SYSTEMD = Path("/etc/systemd/system")
RECORDS = Path("/var/lib/policy-rc.d")
POLICIES = Path("/etc/policy-rc.d")
POLICY_RC_D = "/usr/sbin/policy-rc.d"
STATUS = "/usr/lib/orderly/status"
TROUBLE = Path("/run/orderly/policy.trouble")
LISTED = ["alpha", "beta", "part", "a\\x2db", "tpl@1", "tpl@2"]
RUNNING = [
    *LISTED,
    "gamma",
    "parent",
    "foreign",
    "net.socket",
    "retired",
    "hidden",
    "stubborn",
    "asking",
    "lead",
    "slow",
]
# What stands in the sections Unit and Service besides the usual.
UNITS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("alpha", "beta", "gamma", "parent", "foreign", "a\\x2db", "tpl@", "idle", "off", "lead"), ("", "")
    ),
    "part": ("PartOf=parent.service", ""),
    "needs": ("Requires=gamma.service", ""),
    "reloads": ("", "ExecReload=/bin/true"),
    # For restart_services: stopped on purpose, masked, asked about during its restart, one that does not come back, and
    # one that goes along with another and takes its time.
    **dict.fromkeys(("retired", "hidden"), ("", "")),
    "asking": ("", "ExecStartPost=-/usr/bin/deb-systemd-invoke restart asking.service"),
    "stubborn": ("", "ExecStartPre=/bin/sh -c '! test -e /run/stubborn'"),
    "slow": (
        "PartOf=lead.service",
        "ExecStartPre=/bin/sh -c 'echo started >>/run/slow.starts'\nExecStop=/bin/sleep 2",
    ),
}

BEHAVIOURS: list[Callable[[], None]] = []

# What debhelper writes into maintainer scripts, in substance: all units of a package in one call.
POSTINST = """
if [ "$1" = configure ]; then
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        if [ -n "$2" ]; then _dh_action=restart; else _dh_action=start; fi
        deb-systemd-invoke $_dh_action UNITS >/dev/null || true
    fi
fi
"""
POSTINST_START = "[ ! -d /run/systemd/system ] || deb-systemd-invoke start UNITS >/dev/null || true\n"
POSTINST_TRY = 'if [ -n "$2" ]; then deb-systemd-invoke try-restart UNITS >/dev/null || true; fi\n'
POSTINST_INIT = 'if [ -n "$2" ]; then invoke-rc.d --skip-systemd-native UNITS restart || exit 1; fi\n'
PREINST_STOP = 'if [ "$1" = upgrade ]; then deb-systemd-invoke stop UNITS >/dev/null || true; fi\n'
PRERM = 'if [ "$1" = remove ]; then deb-systemd-invoke stop UNITS >/dev/null || true; fi\n'


def behaviour(test: Callable[[], None]) -> Callable[[], None]:
    """Have a function tried."""
    BEHAVIOURS.append(test)
    return test


def run(*command: str, env: dict[str, str] | None = None) -> int:
    """Run a command that says nothing to us, and give its exit code."""
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True, check=False, timeout=300
    )
    return done.returncode


def output(*command: str) -> str:
    """Run a command and give what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300).stdout


def ask(*question: str) -> int:
    """Ask the script itself."""
    return run(POLICY_RC_D, *question)


def started(unit: str) -> str:
    """Tell the invocation of a unit, which changes whenever it is started."""
    return output("systemctl", "show", "--value", "--property=InvocationID", "--", unit).strip()


def is_active(unit: str) -> bool:
    """Tell whether a unit runs."""
    return run("systemctl", "--quiet", "is-active", "--", unit) == 0


def records() -> dict[str, dict[str, str]]:
    """Read the records by unit; every one of them must be whole."""
    found = {}
    for file in RECORDS.glob("*.deferred"):
        keys = dict(line.split(": ", 1) for line in file.read_text().splitlines())
        found[keys["service"].strip('"').replace("\\\\", "\\")] = keys
    return found


def pending(zone: str = "UTC0") -> list[str]:
    """Ask the host which units are pending, as a program in another time zone than systemd would."""
    told = subprocess.run(
        [STATUS, "fact"], env={**os.environ, "TZ": zone}, capture_output=True, check=True, timeout=300
    )
    return [entry["unit"] for entry in json.loads(told.stdout)["pending"]]


def expect(claim: object, said: str) -> None:
    """Insist on a claim."""
    if not claim:
        raise AssertionError(said)


@contextmanager
def same_run(*units: str) -> Iterator[None]:
    """Insist that units are neither stopped nor started anew in here."""
    before = {unit: started(unit) for unit in units}
    yield
    after = {unit: started(unit) for unit in units}
    expect(before == after, f"started anew: {[unit for unit in units if before[unit] != after[unit]]}")
    expect(all(map(is_active, units)), f"stopped: {[unit for unit in units if not is_active(unit)]}")


@contextmanager
def policy(name: str, text: str) -> Iterator[Path]:
    """Have a policy of somebody else in here."""
    file = POLICIES / f"{name}.policy"
    file.write_text(text)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def hidden(path: str) -> Iterator[None]:
    """Have something not there in here."""
    Path(path).rename(path + ".hidden")
    try:
        yield
    finally:
        Path(path + ".hidden").rename(path)


def package(version: str, units: str, name: str = "orderly-demo", control: str = "", **scripts: str) -> str:
    """Build a package with the maintainer scripts that debhelper would have written."""
    folder = Path(tempfile.mkdtemp())
    (folder / "DEBIAN").mkdir()
    (folder / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n"
        f"{control}Description: a demo\n"
    )
    for script, body in scripts.items():
        file = folder / "DEBIAN" / script
        file.write_text("#!/bin/sh\nset -e\n" + body.replace("UNITS", units))
        file.chmod(0o755)
    deb = f"{folder}.deb"
    run("dpkg-deb", "--build", "--root-owner-group", str(folder), deb)
    shutil.rmtree(folder)
    return deb


def upgrade(units: str, **scripts: str) -> int:
    """Install a package and then its next version, with plain dpkg."""
    run("dpkg", "--purge", "orderly-demo")
    code = run("dpkg", "-i", package("1", units, **scripts))
    forget()
    return code or run("dpkg", "-i", package("2", units, **scripts))


def forget() -> None:
    """Begin with no record and no trouble."""
    shutil.rmtree(RECORDS, ignore_errors=True)
    shutil.rmtree("/run/policy-rc.d", ignore_errors=True)
    TROUBLE.unlink(missing_ok=True)


def folder_of(name: str) -> Path:
    """Tell where a unit is defined: what is defined in /etc cannot be masked."""
    return Path("/lib/systemd/system") if name == "hidden" else SYSTEMD


def make_units() -> None:
    """Write the units and start those that should run."""
    for name, (unit, service) in UNITS.items():
        (folder_of(name) / f"{name}.service").write_text(
            f"[Unit]\nDescription=demo\n{unit}\n[Service]\nExecStart=/bin/sleep infinity\n{service}\n"
            "[Install]\nWantedBy=multi-user.target\n"
        )
    (SYSTEMD / "alpha.service").write_text((SYSTEMD / "alpha.service").read_text() + "Alias=omega.service\n")
    (SYSTEMD / "net.socket").write_text(
        "[Socket]\nListenStream=/run/net.sock\n[Install]\nWantedBy=sockets.target\n"
    )
    (SYSTEMD / "net.service").write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    user = Path("/etc/systemd/user/alpha.service")
    user.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "alpha", "beta", "gamma", "part", "parent", "net.socket")
    run("systemctl", "start", *RUNNING)
    (SYSTEMD / "sigma.service").unlink(missing_ok=True)
    (SYSTEMD / "sigma.service").symlink_to("omega.service")
    run("systemctl", "daemon-reload")


# --- Enforcement ---


@behaviour
def every_unit_of_a_call() -> None:
    gamma = started("gamma")
    with same_run("alpha", "beta"):
        expect(upgrade("gamma.service alpha.service beta.service", postinst=POSTINST) == 0, "dpkg failed")
    expect(started("gamma") != gamma, "gamma, which nobody lists, was not restarted when dpkg was done")
    expect(sorted(records()) == ["alpha.service", "beta.service"], f"on record: {sorted(records())}")


@behaviour
def disabled_units_stay_down() -> None:
    for action in ("restart", "start"):
        run("invoke-rc.d", "off", action)
        run("invoke-rc.d", "idle", action)
    expect(not is_active("off") and not is_active("idle"), "a disabled unit was started")


@behaviour
def options_come_first() -> None:
    with same_run("alpha"):
        expect(run("invoke-rc.d", "--quiet", "alpha", "restart") == 0, "invoke-rc.d failed")
        expect(
            run("invoke-rc.d", "--disclose-deny", "alpha", "restart") == 101, "the denial is not disclosed"
        )
    expect(records()["alpha.service"]["count"] == "2", "not both are on record")


@behaviour
def the_whole_question_is_understood() -> None:
    for question in (
        ("alpha.sh", "restart", "5"),
        ("alpha", "status restart"),
        ("alpha", "condrestart"),
        ("alpha", "reload-or-restart"),
        ("tpl@1", "stop"),
    ):
        expect(ask(*question) == 101, f"allowed: {question}")


@behaviour
def what_disturbs_nobody_is_allowed() -> None:
    run("systemctl", "start", "reloads")
    with (
        policy("charm-reloads", "blocked_actions: {reloads: [stop, restart, try-restart]}\n"),
        same_run("reloads"),
    ):
        for action in ("start", "reload", "rotate", "status", "force-reload"):
            expect(ask("reloads", action) == 0, f"{action} is blocked")
        expect(run("invoke-rc.d", "reloads", "reload") == 0, "invoke-rc.d failed")
        run("deb-systemd-invoke", "start", "reloads.service")
    expect(not records(), f"on record: {sorted(records())}")


@behaviour
def forced_actions_are_the_actions_themselves() -> None:
    with same_run("alpha"):
        run("invoke-rc.d", "alpha", "force-reload")
        expect(ask("alpha", "force-stop") == 101, "force-stop is allowed")
        expect(ask("alpha", "force-restart") == 101, "force-restart is allowed")


@behaviour
def query_and_force_leave_no_record() -> None:
    with same_run("alpha"):
        run("invoke-rc.d", "--query", "alpha", "restart")
    expect(not records(), "a query is on record")
    before = started("alpha")
    run("invoke-rc.d", "--force", "alpha", "restart")
    expect(started("alpha") != before, "--force was not obeyed")
    expect(not records(), "a restart that happened is on record")


BROKEN = [
    "",
    "\0",
    "blocked_actions:\n",
    "blocked_actions: {yes: null, 1234: [a], ~: [",
    "blocked_actions: [a]\n",
]


@behaviour
def every_fault_denies() -> None:
    with same_run("alpha"):
        for text in BROKEN:
            with policy("charm-broken", text):
                run("deb-systemd-invoke", "restart", "alpha.service")
        with hidden("/usr/bin/python3"):
            run("deb-systemd-invoke", "restart", "alpha.service")
        forget()
        RECORDS.write_text("in the way, as a full disk is")
        run("deb-systemd-invoke", "restart", "alpha.service")
        expect(
            list(Path("/run/policy-rc.d").glob("*alpha*")),
            "what could not be written was not written to /run",
        )
        RECORDS.unlink()
        run("deb-systemd-invoke", "restart", "beta.service")
        expect(
            sorted(records()) == ["alpha.service", "beta.service"],
            "what was written to /run was not moved back",
        )
        expect(records()["alpha.service"]["count"] == "1", "counted twice")
        with hidden("/etc/policy-rc.d"):
            run("deb-systemd-invoke", "restart", "alpha.service")
        expect("cannot be read" in TROUBLE.read_text(), "nobody is told that the policies are gone")


@behaviour
def a_full_disk_denies_and_loses_no_record() -> None:
    ask("beta.service", "restart")
    earlier = records()["beta.service"]
    RECORDS.rename("/var/lib/policy-rc.d.kept")
    RECORDS.mkdir()
    expect(run("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=0", "tmpfs", str(RECORDS)) == 0, "no tmpfs")
    try:
        run("sh", "-c", f"yes | dd of={RECORDS}/filler bs=4096 count=9")
        with same_run("alpha"):
            expect(ask("alpha.service", "restart") == 101, "allowed because the disk is full")
        expect(not records(), f"written onto a full disk: {sorted(records())}")
        kept = [file.name for file in Path("/run/policy-rc.d").glob("*.deferred")]
        expect(len(kept) == 1 and "alpha" in kept[0], f"kept under /run: {kept}")
    finally:
        run("umount", str(RECORDS))
        RECORDS.rmdir()
        Path("/var/lib/policy-rc.d.kept").rename(RECORDS)
    ask("beta.service", "restart")
    expect(sorted(records()) == ["alpha.service", "beta.service"], f"on record: {sorted(records())}")
    expect(int(records()["beta.service"]["count"]) == int(earlier["count"]) + 1, "an earlier record was lost")
    expect(not Path("/run/policy-rc.d").exists(), "what was kept under /run is still there")


@behaviour
def what_was_killed_in_the_middle_leaves_the_ledger_whole() -> None:
    ask("alpha.service", "restart")
    for moment in range(60):
        asked = subprocess.Popen([POLICY_RC_D, "alpha.service", "restart"], start_new_session=True)
        time.sleep(moment * 0.0003)
        os.killpg(asked.pid, signal.SIGKILL)
        asked.wait()
        expect(list(records()) == ["alpha.service"], f"on record: {sorted(records())}")
    counted = int(records()["alpha.service"]["count"])
    expect(ask("alpha.service", "restart") == 101, "allowed after one that was killed")
    expect(int(records()["alpha.service"]["count"]) == counted + 1, "the next call does not count")
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive = (
        RECORDS / f".ansible-orderly-beta.service.deferred.{pid}" for pid in (ended.pid, os.getpid())
    )
    dead.touch()
    alive.touch()
    ask("alpha.service", "restart")
    alive.unlink()
    left = [file.name for file in RECORDS.iterdir()]
    expect(left == ["ansible-orderly-alpha.service.deferred"], f"lies about: {left}")


@behaviour
def the_shell_denies_where_perl_cannot_run() -> None:
    script = Path("/usr/lib/orderly/policy-rc.d")
    text = script.read_text()
    script.write_text(text.replace("perl=/usr/bin/perl", "perl=/nonexistent", 1))
    try:
        with same_run("alpha"):
            run("invoke-rc.d", "alpha", "restart")
    finally:
        script.write_text(text)
    expect("alpha.service" in records(), "not on record")
    expect("Perl could not decide" in TROUBLE.read_text(), "nobody is told")


@behaviour
def many_calls_at_once_are_all_denied_and_counted() -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: answers.extend(ask("alpha.service", "restart") for _turn in range(25))
        )
        for _thread in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(set(answers) == {101}, f"answers: {set(answers)}")
    expect(
        records()["alpha.service"]["count"] == "200", f"counted {records()['alpha.service']['count']} of 200"
    )


@behaviour
def a_text_is_one_action() -> None:
    with policy("charm-text", "blocked_actions: {gamma: restart}\n"):
        expect(ask("gamma", "start") == 0, "start is taken for a part of restart")
        expect(ask("gamma", "restart") == 101, "restart is allowed")


@behaviour
def a_unit_is_known_by_all_its_names() -> None:
    with same_run("alpha", "tpl@1", "tpl@2", "a\\x2db"):
        run("deb-systemd-invoke", "restart", "omega.service")
        run("deb-systemd-invoke", "restart", "sigma.service")
        run("deb-systemd-invoke", "restart", "tpl@1.service")
        run("deb-systemd-invoke", "restart", "tpl@*.service")
        run("deb-systemd-invoke", "restart", "a\\x2db.service")
    expect(
        sorted(records()) == ["a\\x2db.service", "alpha.service", "tpl@1.service", "tpl@2.service"],
        f"on record: {sorted(records())}",
    )


@behaviour
def what_would_drag_a_listed_unit_along_waits_too() -> None:
    run("systemctl", "start", "needs")
    with policy("charm-needs", "blocked_actions: {needs: [restart]}\n"), same_run("part", "parent", "needs"):
        run("deb-systemd-invoke", "restart", "parent.service")
        run("deb-systemd-invoke", "restart", "gamma.service")
    for unit, dragged in (("parent.service", "part.service"), ("gamma.service", "needs.service")):
        expect(records()[unit]["drags"] == f"[{dragged}]", f"not said what {unit} would have dragged along")
        expect(records()[unit]["collateral"] == "false", f"dpkg would restart {unit}")
    run("systemctl", "stop", "needs")


@behaviour
def sockets_and_targets_are_listed_by_their_suffix() -> None:
    with same_run("net.socket"):
        run("deb-systemd-invoke", "restart", "net.socket")
    expect(ask("net.service", "restart") == 0, "the service of a listed socket is blocked")
    with policy("charm-target", "blocked_actions: {multi-user.target: [restart]}\n"):
        expect(ask("multi-user.target", "restart") == 101, "a listed target is not blocked")
        expect(ask("multi-user", "restart") == 0, "a service is blocked that is called like a listed target")


@behaviour
def units_of_users_are_nobodys_business() -> None:
    run("deb-systemd-invoke", "--user", "restart", "alpha.service")
    expect(not records(), "a unit of users is on record")


@behaviour
def a_removed_package_stops_its_daemon_and_a_replaced_one_does_not() -> None:
    run("dpkg", "-i", package("1", "alpha.service", postinst=POSTINST, prerm=PRERM))
    expect(run("dpkg", "--remove", "orderly-demo") == 0, "dpkg failed")
    expect(not is_active("alpha"), "the daemon of a removed package runs on")
    run("systemctl", "start", "alpha")
    run("dpkg", "-i", package("1", "alpha.service", postinst=POSTINST, prerm=PRERM))
    other = "Conflicts: orderly-demo\nReplaces: orderly-demo\nProvides: orderly-demo\n"
    with same_run("alpha"):
        expect(
            run("dpkg", "-i", "--auto-deconfigure", package("2", "", name="orderly-next", control=other))
            == 0,
            "dpkg failed",
        )
    run("dpkg", "--purge", "orderly-next", "orderly-demo")


@behaviour
def a_neighbour_is_asked_first() -> None:
    with same_run("foreign"):
        run("deb-systemd-invoke", "restart", "foreign.service")
    expect(Path(POLICY_RC_D).resolve() == Path("/usr/lib/orderly/policy-rc.d"), "somebody else is asked")


@behaviour
def the_window_of_ansible_apt_is_told() -> None:
    with hidden(POLICY_RC_D):
        Path(POLICY_RC_D).write_text("#!/bin/sh\nexit 101\n")
        Path(POLICY_RC_D).chmod(0o755)
        upgrade("alpha.service", postinst=POSTINST)
        Path(POLICY_RC_D).unlink()
    expect("asked another script" in TROUBLE.read_text(), "nobody is told")


@behaviour
def dpkg_never_fails_because_of_us() -> None:
    with same_run("alpha"):
        expect(upgrade("alpha", postinst=POSTINST_INIT) == 0, "dpkg failed")
    with hidden("/usr/lib/orderly/policy-rc.d"):
        expect(
            run("dpkg", "-i", package("3", "gamma.service", postinst=POSTINST)) == 0, "dpkg failed without us"
        )


# --- Records ---


@behaviour
def one_record_for_many_calls() -> None:
    for _turn in range(100):
        ask("alpha.service", "restart")
    expect(len(list(RECORDS.iterdir())) == 1, f"files: {[file.name for file in RECORDS.iterdir()]}")
    expect(records()["alpha.service"]["count"] == "100", "not counted")


@behaviour
def every_reader_sees_a_whole_record() -> None:
    ask("alpha.service", "restart")
    (file,) = RECORDS.iterdir()
    writer = subprocess.Popen(["sh", "-c", f"for i in $(seq 100); do {POLICY_RC_D} alpha restart; done"])
    reads = 0
    while writer.poll() is None:
        expect(file.read_text().endswith("unit: alpha.service\n"), "a part of a record was read")
        reads += 1
    expect(reads > 200, f"only {reads} reads")


@behaviour
def both_spellings_are_one_unit() -> None:
    run("invoke-rc.d", "alpha", "restart")
    run("deb-systemd-invoke", "restart", "alpha.service")
    expect(len(list(RECORDS.iterdir())) == 1, "two records")


@behaviour
def only_a_restart_settles() -> None:
    ask("alpha", "restart")
    old = records()["alpha.service"]["invocation_id"].strip('"')
    expect(old == started("alpha"), "the record does not hold the run that it is about")
    run("systemctl", "restart", "alpha")
    ask("alpha", "stop")
    expect(records()["alpha.service"]["count"] == "1", "what was settled did not begin anew")
    expect(records()["alpha.service"]["invocation_id"].strip('"') == started("alpha"), "proof of the old run")
    expect(pending() == ["alpha.service"], "what came after a restart by hand is lost")


@behaviour
def what_does_not_run_is_not_queued() -> None:
    ask("idle.service", "restart")
    expect(not records(), "a unit that does not run is on record")


@behaviour
def a_record_says_who_wanted_it() -> None:
    upgrade("alpha.service", postinst=POSTINST)
    record = records()["alpha.service"]
    expect(record["package"] == "orderly-demo", f"package: {record['package']}")
    expect(record["package_before"].strip('"') == "1", f"before: {record['package_before']}")
    expect(record["maintainer_script"] == '"postinst configure 1"', f"script: {record['maintainer_script']}")
    expect(record["reason"] == "Package update", f"reason: {record['reason']}")


@behaviour
def names_of_records_tell_who_and_what() -> None:
    ask("alpha.service", "restart")
    expect(
        [file.name for file in RECORDS.iterdir()] == ["ansible-orderly-alpha.service.deferred"],
        "another name",
    )


@behaviour
def a_blocked_stop_is_a_pending_restart() -> None:
    with same_run("alpha"):
        upgrade("alpha.service", preinst=PREINST_STOP, postinst=POSTINST_START)
    expect(records()["alpha.service"]["action"] == "restart", "a stop and a start are not a restart")
    expect(pending() == ["alpha.service"], f"pending: {pending()}")


@behaviour
def a_blocked_try_restart_is_a_pending_restart() -> None:
    with same_run("alpha"):
        upgrade("alpha.service", postinst=POSTINST_TRY)
    expect(records()["alpha.service"]["actions"] == "[try-restart]", f"on record: {records()}")
    expect(pending() == ["alpha.service"], f"pending: {pending()}")


@behaviour
def neither_clocks_nor_time_zones_decide() -> None:
    for shift in (+10, -10):
        ask("alpha", "restart")
        expect(pending() == ["alpha.service"], f"pending: {pending()}")
        turn_the_clock(shift)
        for zone in ("EAST-14", "WEST+12"):
            expect(pending(zone) == ["alpha.service"], f"seen from {zone} a record is settled by its time")
        run("systemctl", "restart", "alpha")  # most of the time in the second in which the record was written
        for zone in ("EAST-14", "WEST+12"):
            expect(pending(zone) == [], f"seen from {zone} a restart did not settle")
        ask("alpha", "restart")  # and in the second in which the unit was started
        expect(pending() == ["alpha.service"], "an event soon after a start is lost")


def turn_the_clock(years: int) -> None:
    """Let the records of alpha be from another time, as if the clock had been wrong when they were written."""
    for file in RECORDS.glob("*alpha*"):
        lines = file.read_text().splitlines()
        for index, line in enumerate(lines):
            key, value = line.split(": ", 1)
            if key in ("timestamp", "first_timestamp"):
                lines[index] = f"{key}: {int(value) + years * 365 * 86400}"
        file.write_text("\n".join([*lines, ""]))


@behaviour
def a_policy_that_goes_frees_its_units() -> None:
    with policy("charm-gone", "blocked_actions: {gamma: [restart]}\n"):
        expect(ask("gamma", "restart") == 101, "not obeyed")
    expect(ask("gamma", "restart") == 0, "still blocked")


# --- Neighbours, and bad input ---


@behaviour
def needrestart_follows_the_policies() -> None:
    settings = Path("/etc/needrestart/conf.d/orderly-services.conf")
    expect(run("perl", "-c", str(settings)) == 0, "Perl does not understand it")
    matching = "grep { 'alpha.service' =~ $_ } keys %{$nrconf{override_rc}}"
    program = f"our %nrconf; do '{settings}'; print {matching}"
    expect(output("perl", "-e", program), "alpha is not in it")


@behaviour
def links_and_files_of_others_are_not_obeyed_and_never_followed() -> None:
    precious = Path("/srv/precious")
    precious.write_text("blocked_actions: {gamma: [restart]}\n")
    link = POLICIES / "charm-link.policy"
    link.symlink_to(precious)
    others = POLICIES / "charm-others.policy"
    others.write_text("blocked_actions: {gamma: [restart]}\n")
    os.chown(others, 65534, 65534)
    try:
        expect(ask("gamma", "restart") == 0, "obeyed")
        expect(ask("alpha", "restart") == 101, "another policy lost its force")
        file = next(RECORDS.iterdir())
        file.unlink()
        file.symlink_to(precious)
        ask("alpha", "restart")
        expect(precious.read_text() == "blocked_actions: {gamma: [restart]}\n", "a link was followed")
    finally:
        link.unlink()
        others.unlink()
        precious.unlink()


@behaviour
def a_listing_is_readable() -> None:
    said = output(POLICY_RC_D, "--list", "alpha")
    expect("alpha.service restart: denied by ansible orderly" in said, said)
    expect("alpha.service start: allowed" in said, said)


def main() -> int:
    """Run all tests, or only those whose names contain a word."""
    if sys.argv[1:] == ["--make-units"]:
        make_units()
        return 0
    failed = {}
    for test in BEHAVIOURS:
        if not all(word in test.__name__ for word in sys.argv[1:]):
            continue
        forget()
        run("systemctl", "start", *RUNNING)
        begin = time.monotonic()
        try:
            test()
            told = "ok"
        except Exception as exc:  # whatever happens to one, the others are tried
            failed[test.__name__] = told = f"FAILED: {exc!r}"
        print(f"{told:4} {test.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
    forget()
    run("dpkg", "--purge", "orderly-demo")
    print(json.dumps({"failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
