"""Runs checks beside each other, prints each as a whole, counts them, and leaves nothing running whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".build/checks"
FLEET = ROOT / "tests/fleet/fleet"
SIDE_BY_SIDE = 4  # some use the processors, some wait for hosts; more only wait for each other's packages
MARK = "ORDERLY_CHECKS"  # names the run in the environment of all that it starts
CALM_SECONDS = 1.0  # a process that was just being started shows up by then
POLITE_SECONDS = 5.0
LASTING = {"conmon"}  # belong to hosts, which are taken down
OUT: ContextVar[TextIO] = ContextVar("OUT")  # where the commands of a check write to
CPU: ContextVar[list[float]] = ContextVar("CPU")  # seconds of the processors that they took


class CheckError(Exception):
    """A check failed: which command, and what it said last."""


@dataclass(frozen=True)
class Check:
    """Something to run, and the fleet in which its hosts are, if it has any."""

    name: str
    act: Callable[[], None]
    fleet: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a check ended: what was wrong, if anything, and the seconds it took by the clock and of the processors."""

    name: str
    trouble: str
    seconds: float
    cpu: float


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Run a command of a check, and give its last lines."""
    out = OUT.get(sys.stdout)
    last: deque[str] = deque(maxlen=60)
    process = subprocess.Popen(
        list(map(str, command)), cwd=cwd, env={**os.environ, **(env or {})}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    for line in process.stdout or ():
        print(line, end="", flush=True, file=out)
        last.append(line)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    CPU.get([]).append(usage.ru_utime + usage.ru_stime)
    if process.returncode:
        raise CheckError(f"{''.join(last)}failed: {' '.join(map(str, command))}")
    return "".join(last)


def run_all(checks: Sequence[Check], side_by_side: int = SIDE_BY_SIDE) -> int:
    """Run checks, so many beside each other, and give the exit status.

    What failed is printed last, with a table of where the time went and a line that counts.
    """
    begin = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        with cleaning_up([check.fleet for check in checks if check.fleet]):
            if len(checks) == 1 or side_by_side == 1:
                outcomes = [outcome_of(check) for check in checks]
            else:
                with ThreadPoolExecutor(side_by_side) as pool:
                    outcomes = list(pool.map(logged, checks))
    except KeyboardInterrupt:
        return 130
    for outcome in outcomes:
        if outcome.trouble:
            print(f"\n=== {outcome.name} FAILED, and said last:\n{outcome.trouble}")
    print("\n".join(table(outcomes, time.monotonic() - begin)))
    failed = [outcome.name for outcome in outcomes if outcome.trouble]
    print("\nFailed: " + ", ".join(failed) if failed else "")
    print(f"checks: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def table(outcomes: Sequence[Outcome], seconds: float) -> list[str]:
    """Say where the time went, the longest first; hosts' own processor time is not in it."""
    all_of_it = Outcome(
        f"all, on {os.cpu_count()} cores", "", seconds, sum(outcome.cpu for outcome in outcomes)
    )
    rows = [*sorted(outcomes, key=lambda outcome: -outcome.seconds), all_of_it]
    return [
        "",
        f"{'check':<28}{'seconds':>9}{'of CPU':>9}",
        *(f"{row.name:<28}{row.seconds:>9.0f}{row.cpu:>9.0f}" for row in rows),
    ]


def logged(check: Check) -> Outcome:
    """Run a check whose output is printed as a whole, and say at once that it runs."""
    print(f"... {check.name}", flush=True)
    with (LOGS / f"{check.name.replace(' ', '-')}.log").open("w+", errors="replace") as out:
        OUT.set(out)
        outcome = outcome_of(check)
        out.seek(0)
        print(out.read(), end="", flush=True)
    return outcome


def outcome_of(check: Check) -> Outcome:
    """Run a check."""
    out = OUT.get(sys.stdout)
    cpu: list[float] = []
    CPU.set(cpu)
    print(f"\n=== {check.name}", flush=True, file=out)
    begin = time.monotonic()
    try:
        check.act()
        trouble = ""
    except (CheckError, OSError, subprocess.CalledProcessError) as exc:
        trouble = str(exc)
    outcome = Outcome(check.name, trouble, time.monotonic() - begin, sum(cpu))
    verdict = "FAILED" if trouble else "passed"
    print(f"=== {check.name}: {verdict} in {outcome.seconds:.0f} s", flush=True, file=out)
    return outcome


@contextmanager
def cleaning_up(fleets: Sequence[str]) -> Iterator[None]:
    """End with this process, however it ends, all that it has started: a process of its own waits for that."""
    mark = f"{os.getpid()}-{time.time_ns()}"
    os.environ[MARK] = mark
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(writer)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if not os.read(reader, 1):
            end_all(mark, fleets)
        os._exit(0)
    os.close(reader)

    def stop(_number: int, _frame: object) -> None:
        print("\nInterrupted: ending what runs, and taking its hosts down.", file=sys.stderr, flush=True)
        with suppress(OSError):  # it was told to before
            os.close(writer)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        yield
        os.write(writer, b".")
    finally:
        with suppress(KeyboardInterrupt, ChildProcessError):
            os.wait()


def end_all(mark: str, fleets: Sequence[str]) -> None:
    """Kill the processes that have this mark, and remove these fleets."""
    os.environ.pop(MARK)
    begin = seen = time.monotonic()
    while time.monotonic() - seen < CALM_SECONDS:
        number = signal.SIGTERM if time.monotonic() - begin < POLITE_SECONDS else signal.SIGKILL
        for process in marked(mark):
            seen = time.monotonic()
            with suppress(ProcessLookupError):
                os.kill(process, number)
        time.sleep(0.2)
    for fleet in fleets:
        subprocess.run([FLEET, "--fleet", fleet, "down"], stdin=subprocess.DEVNULL, check=False)


def marked(mark: str) -> list[int]:
    """Find the processes, but this one, that were started with a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            variables = (folder / "environ").read_bytes().split(b"\0")
            if (
                f"{MARK}={mark}".encode() in variables
                and (folder / "comm").read_text().strip() not in LASTING
            ):
                found.append(int(folder.name))
    return [process for process in found if process != os.getpid()]
