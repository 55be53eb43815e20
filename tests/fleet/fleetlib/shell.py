"""Adapter: the one runner of commands, and the one voice that reports progress."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NoReturn

from .errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HEARTBEAT = 5.0
"""Seconds of silence after which progress is reported."""


class CommandError(FleetError):
    """A command that failed: what it was, and what it said."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        """Keep the parts; the message has them all."""
        super().__init__(f"{' '.join(argv)}\nended with status {status}: {output.strip() or '(no output)'}")
        self.argv, self.status, self.output = tuple(argv), status, output


def say(message: str) -> None:
    """Report progress to the person who waits."""
    print(message, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Shell:
    """Runs commands, given as lists, with these variables added to the environment."""

    env: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a command."""
        return {**os.environ, "LC_ALL": "C.UTF-8", **self.env}

    def run(self, *argv: str) -> str:
        """Run to the end and return what it printed."""
        try:
            done = subprocess.run(
                [*self.prefix, *argv],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except FileNotFoundError as error:
            raise FleetError(f"{error.filename} is not installed") from error
        if done.returncode:
            raise CommandError(argv, done.returncode, done.stderr or done.stdout)
        return done.stdout

    def succeeds(self, *argv: str) -> bool:
        """Whether the command ends with status 0."""
        try:
            self.run(*argv)
        except CommandError:
            return False
        return True

    def call(self, *argv: str) -> int:
        """Run a command that speaks for itself, on this terminal; give its exit status."""
        return subprocess.run(
            [*self.prefix, *argv], env=self.environment, stdout=sys.stderr, check=False
        ).returncode

    def follow(self, *argv: str, label: str) -> None:
        """Run a long command, and say that it still goes; what it prints is shown if it fails."""
        begin = time.monotonic()
        with TemporaryFile("w+", errors="replace") as log:
            process = subprocess.Popen(
                [*self.prefix, *argv], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            with process:
                while not _ended(process):
                    say(f"{label} … {time.monotonic() - begin:.0f} s")
            if process.returncode:
                log.seek(0)
                said = "".join(deque(log, maxlen=30)).rstrip()
                raise FleetError(
                    f"{label} failed: {argv[0]} ended with status {process.returncode} and said\n{said}"
                )

    def become(self, *argv: str) -> NoReturn:
        """Replace this process, so that terminal, signals and exit status are the command's own."""
        command = [*self.prefix, *argv]
        os.execvpe(command[0], command, self.environment)  # noqa: S606  # no shell is the point


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=HEARTBEAT)
    except subprocess.TimeoutExpired:
        return False
    return True


def in_parallel(work: Mapping[str, Callable[[], object]], label: str) -> None:
    """Do all of it at once; say what is still awaited; report what failed when all has ended."""
    begin = time.monotonic()
    pool = ThreadPoolExecutor(max_workers=max(1, len(work)))
    futures = {pool.submit(task): name for name, task in work.items()}
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=HEARTBEAT, return_when=FIRST_COMPLETED)
        if not done:
            names = ", ".join(sorted(futures[future] for future in pending))
            say(f"{label}: {names} … {time.monotonic() - begin:.0f} s")
    failures = []
    for future, name in futures.items():
        try:
            future.result()
        except FleetError as error:
            failures.append(f"{name}: {error}")
    if failures:
        raise FleetError("\n".join(failures))
