# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what the policy-rc.d script costs a package, beside an empty shell and the plainest Python script.

Run: tests/env python tests/bench/deferral.py [CALLS]. Medians in milliseconds: the time that passes, which other work
and the disk make longer, and the processor's time. The latter is compared with that of a shell that starts an empty
Perl, the former with that of the Python script.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).parents[2] / "roles/deferral/files/policy-rc.d"
RUNNING = 400  # units that run, and unit files, as on a real host
PACKAGES = 600  # that are installed, as on a server
FIRST, AGAIN = "policy-rc.d, blocked", "policy-rc.d, blocked again"  # a new record; one that is there
GOAL_MS, GOAL_RATIO, GOAL_EMPTIES = 10, 10, 2.5

# What one would write first: read all policies with PyYAML, write an event for each that blocks, exit.
PLAIN_PYTHON = """
import glob, sys, time, uuid, yaml
service, action = sys.argv[1:3]
policies = [yaml.safe_load(open(path)) for path in glob.glob("{root}/etc/policy-rc.d/*.policy")]
answer = 0
for policy in policies:
    if action in policy["blocked_actions"].get(service.replace(".service", ""), []):
        event = dict(service=service, action=action, timestamp=int(time.time()), reason="Package update")
        with open("{root}/plain/%s.deferred" % uuid.uuid1(), "w") as file:
            yaml.dump(event, file)
        answer = 101
sys.exit(answer)
"""

# What no script can be faster than that falls back on the shell where Perl cannot run.
EMPTY = """#!/bin/sh
/usr/bin/perl -x "$0" "$@"
exit $?
#!perl
exit 0;
"""

# What a package does when it is configured; this shell counts too.
POSTINST = """#!/bin/sh
export DPKG_MAINTSCRIPT_NAME=postinst DPKG_MAINTSCRIPT_PACKAGE=p{package}
{root}/policy-rc.d asked.service restart
exit $?
"""


def make_host(root: Path, files: int) -> None:
    """Make a host with so many policies of ten services each; the last one lists the unit that is asked about."""
    for folder in ("etc/policy-rc.d", "run/systemd/units", "usr/lib/systemd/system", "var/lib", "plain"):
        (root / folder).mkdir(parents=True)
    for number in range(RUNNING):
        (root / f"usr/lib/systemd/system/unit{number}.service").touch()
        (root / f"run/systemd/units/invocation:unit{number}.service").symlink_to("1" * 32)
    (root / "run/systemd/units/invocation:asked.service").symlink_to("1" * 32)
    for number in range(files):
        services = [f"service{number}x{i}" for i in range(9)] + [
            "asked" if number == files - 1 else f"s{number}"
        ]
        lines = [f"  {name}:\n  - restart\n  - stop\n  - try-restart\n" for name in services]
        who = f"policy_requestor_name: app{number}\npolicy_requestor_type: charm\n"
        (root / f"etc/policy-rc.d/charm-app{number}.policy").write_text(
            "blocked_actions:\n" + "".join(lines) + who
        )
    script = SCRIPT.read_text().replace("root=''", f"root='{root}'", 1)
    (root / "policy-rc.d").write_text(script)
    (root / "policy-rc.d").chmod(0o755)
    (root / "empty").write_text(EMPTY)
    (root / "empty").chmod(0o755)
    (root / "plain.py").write_text(PLAIN_PYTHON.format(root=root))
    make_package(root)


def make_package(root: Path) -> None:
    """Make what dpkg has on file, and the script of a package that asks."""
    stanza = (
        "Package: p{0}\nStatus: install ok installed\nArchitecture: all\nVersion: {0}.0\nDescription: {1}\n\n"
    )
    (root / "var/lib/dpkg").mkdir()
    (root / "var/lib/dpkg/status").write_text(
        "".join(stanza.format(number, "x" * 900) for number in range(PACKAGES))
    )
    (root / "asked.postinst").write_text(POSTINST.format(root=root, package=PACKAGES // 2))
    (root / "asked.postinst").chmod(0o755)


def cases(root: Path) -> dict[str, tuple[list[str], int]]:
    """Name what is measured: the command, and how it ends."""
    ours, plain = [str(root / "policy-rc.d")], [sys.executable, str(root / "plain.py")]
    blocked = ["asked.service", "restart"]
    return {
        "sh -c exit": (["sh", "-c", "exit"], 0),
        "sh that starts Perl, empty": ([str(root / "empty")], 0),
        "plain Python, blocked": ([*plain, *blocked], 101),
        "plain Python, allowed": ([*plain, "other.service", "restart"], 0),
        FIRST: ([*ours, *blocked], 101),
        AGAIN: ([*ours, *blocked], 101),
        "a package's script, blocked": ([str(root / "asked.postinst"), "configure", "1.0"], 101),
        "policy-rc.d, allowed": ([*ours, "other.service", "start"], 0),
        "policy-rc.d, (start)": ([*ours, "other.service", "(start)"], 101),
    }


def milliseconds(work: Callable[[], int], expected: int) -> float:
    """Time one call, and insist on how it ends."""
    begin = time.perf_counter()
    code = work()
    took = (time.perf_counter() - begin) * 1000
    if code != expected:
        raise SystemExit(f"expected exit {expected}, got {code}")
    return took


def call(command: list[str]) -> Callable[[], int]:
    """Make a call that starts a process as a caller does."""

    def work() -> int:
        pid = os.posix_spawnp(command[0], command, os.environ)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return work


def measure(root: Path, calls: int) -> dict[str, list[tuple[float, float]]]:
    """Measure the cases in turn, so that a busy moment meets them all alike: what passes, and the processor's time."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in cases(root)}
    for _round in range(calls):
        for name, (command, expected) in cases(root).items():
            if name == FIRST:
                shutil.rmtree(root / "var/lib/policy-rc.d", ignore_errors=True)
            before = processor_milliseconds()
            took = milliseconds(call(command), expected)
            times[name].append((took, processor_milliseconds() - before))
    return times


def processor_milliseconds() -> float:
    """Tell what all processes that have ended took of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def sync_cost(folder: Path, calls: int) -> float:
    """Time a write of a record's size that is synced to the disk, as the script does it."""
    times = []
    for number in range(calls):
        handle = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_SYNC)
        times.append(milliseconds(partial(os.write, handle, b"x" * 600), 600))
        os.close(handle)
    return statistics.median(times)


def print_table(times: dict[str, list[tuple[float, float]]]) -> None:
    """Print a line for each case, and whether the goals are met."""
    passed, worked = (
        {name: statistics.median(each[of] for each in several) for name, several in times.items()}
        for of in (0, 1)
    )
    python, empty = passed["plain Python, blocked"], worked["sh that starts Perl, empty"]
    print(f"  {'':27}     passes  into Python   processor  of an empty Perl")
    for name, took in passed.items():
        print(
            f"  {name:27} {took:7.1f} ms {python / took:10.1f} x  {worked[name]:7.1f} ms {worked[name] / empty:15.2f} x"
        )
    blocked, empties = (max(of[FIRST], of[AGAIN]) for of in (passed, worked))
    is_met = blocked <= GOAL_MS and python / blocked >= GOAL_RATIO
    goal = f"at most {GOAL_MS} ms blocked and {GOAL_RATIO} x faster than plain Python"
    print(f"  goal: {goal}: {'met' if is_met else 'NOT MET'}")
    goal = f"at most {GOAL_EMPTIES} x the processor time of an empty Perl"
    print(f"  goal: {goal}: {'met' if empties <= GOAL_EMPTIES * empty else 'NOT MET'}")


def main() -> int:
    """Print a table for one policy and for fifty, and whether the goals are met."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {calls} calls")
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="orderly-bench-") as folder:
        print(
            f"writing a record so that it survives a power cut: {sync_cost(Path(folder), calls):.2f} ms of that"
        )
    for files in (1, 50):
        with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="orderly-bench-") as folder:
            make_host(Path(folder), files)
            time.sleep(2.1)  # a policy that was written this moment is read anew each time
            subprocess.run([f"{folder}/policy-rc.d", "--list"], check=True, capture_output=True)
            times = measure(Path(folder), calls)
        print(f"\n{files} policies of 10 services")
        print_table(times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
