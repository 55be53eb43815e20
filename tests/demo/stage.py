"""What the demo is played on: the voice that tells it, the hosts, the playbooks, the polling client."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
OUTPUT = ROOT / ".build/demo"
SILENCE = 5.0


class StoryError(Exception):
    """Something went otherwise than it was told."""


def lock_file(environ: Mapping[str, str]) -> Path:
    """Name the lock of the demo: it lies beside this user's fleets, as it is their hosts that it keeps."""
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "orderly-services", "demo.lock")


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep a second demo off the same hosts."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w", encoding="utf-8")
    except OSError as exc:
        raise StoryError(f"{exc.filename} cannot be written: {exc.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoryError(
                "another demo of yours is running; wait for its end, they share the hosts"
            ) from None
        yield


# --- The voice ---


class Narrator:
    """Prints the story, and never lets more than a few seconds pass in silence."""

    def __init__(self, live: Callable[[], str]) -> None:
        self._live = live
        self._begin = self._last = time.monotonic()
        self._act = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._break_silence, daemon=True).start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin

    def say(self, text: str = "") -> None:
        with self._lock:
            self._last = time.monotonic()
            print(text, flush=True)

    def act(self, title: str) -> None:
        self._act += 1
        self.say(f"\n{self._bold(f'{self._act}. {title}')}  ({self.seconds:.0f} s)")

    def claim(self, text: str, *, holds: bool, because: str = "") -> None:
        """Say what is so, or stop the story where it is not."""
        if not holds:
            raise StoryError(f"not as told: {text}{f' ({because})' if because else ''}")
        self.say(f"  ✓ {text}")

    @staticmethod
    def _bold(text: str) -> str:
        return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text

    def _break_silence(self) -> None:
        while True:
            time.sleep(1)
            if time.monotonic() - self._last > SILENCE:
                self.say(f"  … {self.seconds:.0f} s{self._live()}")


# --- The hosts ---


@dataclass(frozen=True)
class Process:
    """The main process of a unit at one moment."""

    pid: str
    invocation: str
    program: str

    @property
    def is_old(self) -> bool:
        """It runs a program that is no longer what is installed."""
        return self.program.endswith(" (deleted)")


FAILURE_OF_FLEET = "fleet: "


def reason(lines: Sequence[str]) -> str:
    """Take from what a fleet command said why it failed: its last sentence, which begins with its name."""
    sentences = [number for number, line in enumerate(lines) if line.startswith(FAILURE_OF_FLEET)]
    return " ".join(lines[sentences[-1] :] if sentences else lines[-3:]).removeprefix(FAILURE_OF_FLEET)


class Fleet:
    """The demo's own hosts."""

    COMMAND = (str(ROOT / "tests/fleet/fleet"), "--fleet", "demo")

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator

    def run(self, *arguments: str) -> str:
        """Run a fleet command; what it says while it works is part of the story."""
        command = [*self.COMMAND, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            errors = [line.rstrip() for line in self._tell(process.stderr)]
            output = process.stdout.read()
        if process.returncode:
            raise StoryError(f"fleet {' '.join(arguments)} failed: {reason(errors or output.splitlines())}")
        return output

    def _tell(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            if not line.startswith(FAILURE_OF_FLEET):  # the story ends with it
                self._narrator.say(f"  {line.rstrip()}")
            yield line

    def shell(self, host: str, script: str, *arguments: str) -> str:
        """Run a shell script in a host; gives its output."""
        return self.run("exec", host, "--", "sh", "-c", script, "-", *arguments).strip()

    def has_hosts(self) -> bool:
        """Whether there are any, also after something went wrong."""
        return bool(subprocess.run([*self.COMMAND, "ls"], capture_output=True, check=False).stdout)

    def inventory(self) -> Path:
        return Path(self.run("inventory").strip())

    def addresses(self) -> dict[str, str]:
        fields = (line.split() for line in self.run("ls").splitlines())
        return {host: address for host, address, *_more in fields}

    def process(self, host: str, unit: str) -> Process:
        script = (
            'pid=$(systemctl show --property=MainPID --value "$1") && echo "$pid" && '
            'systemctl show --property=InvocationID --value "$1" && readlink "/proc/$pid/exe"'
        )
        return Process(*self.shell(host, script, unit).splitlines())

    def version(self, host: str, package: str) -> str:
        return self.shell(host, "dpkg-query --show --showformat='${Version}' \"$1\"", package)

    def pending(self, host: str) -> int:
        """Count the records of deferred restarts."""
        return int(self.shell(host, "find /var/lib/policy-rc.d -name '*.deferred' | wc -l"))


# --- Playbooks ---

HEADER = re.compile(r"(?P<kind>PLAY|TASK|RUNNING HANDLER) \[(?P<name>.*)\] \**$")
RESULT = re.compile(r"(?P<kind>ok|changed|skipping|included|failed|fatal): ?(?P<rest>.*)$")
RECAP = re.compile(r"(?P<host>[\w.-]+) +: (?P<counts>ok=.*)$")
FAILURE = re.compile(r"^ +(FATAL|FAILED) ")
ORIGIN = re.compile(r"^orderly(\.services\.|_plan_)")
NOISE = re.compile(
    r"Validating arguments against arg spec|^$|^\.\.\.ignoring|^FAILED - RETRYING|^[\s{}\]]"
    r"|^\[ERROR\]|^Origin: |^<<< |^\d+ "  # the failure itself is shown
)


class PlaybookFilter:
    """Shortens Ansible's output to plays, tasks that did something, failures, recaps and the plugins' own words."""

    def __init__(self) -> None:
        self.done: list[str] = []
        """The task of every result that is ok or changed, host by host."""
        self.task = ""
        self._announced = True

    def shorten(self, line: str) -> list[str]:
        """Give the lines to print for a line of output."""
        if header := HEADER.match(line):
            return self._header(header["kind"], header["name"])
        if line.startswith("PLAY RECAP"):
            return ["  RECAP"]
        if recap := RECAP.match(line):
            return [f"    {recap['host']}: {' '.join(re.findall(r'[a-z]+=[1-9][0-9]*', recap['counts']))}"]
        if result := RESULT.match(line):
            return self._result(result["kind"], result["rest"])
        return [] if NOISE.search(line) else [*self._announce(), f"      {line}"]

    def _header(self, kind: str, name: str) -> list[str]:
        if kind == "PLAY":
            return [f"  PLAY {name}"]
        self.task, self._announced = name, False
        return []

    def _result(self, kind: str, rest: str) -> list[str]:
        if kind in ("fatal", "failed"):
            host, _separator, result = rest.partition(": ")
            return [*self._announce(), f"      {kind.upper()} {host} {explain(result)}"]
        if kind not in ("ok", "changed"):
            return []
        self.done.append(self.task)
        return self._announce()

    def _announce(self) -> list[str]:
        if self._announced or NOISE.search(self.task):
            return []
        self._announced = True
        return [f"    · {ORIGIN.sub('', self.task)}"]


def explain(result: str) -> str:
    """Take the message out of a failure's JSON, if it is there."""
    verdict, _separator, details = result.partition(" => ")
    try:
        message = json.loads(details)["msg"]
    except (ValueError, KeyError, TypeError):
        message = details
    return f"{verdict} {message}".strip()


@contextmanager
def held_still(process: subprocess.Popen[str]) -> Iterator[None]:
    """Stop a process for a while."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class Run:
    """How a playbook ended."""

    returncode: int
    output: str
    done: list[str]
    """The task of every result that is ok or changed, host by host."""


class Playbooks:
    """Runs playbooks on the hosts of the demo and tells what they do."""

    def __init__(self, narrator: Narrator, inventory: Path) -> None:
        self._narrator = narrator
        self._options = [
            "--inventory", str(inventory), "--inventory", str(FOLDER / "inventory/groups.yml"),
            "--extra-vars", f"orderly_store=sqlite://{OUTPUT / 'store.db'}",
        ]  # fmt: skip
        self._environment = {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
        }
        self._runs = 0

    def run(
        self,
        playbook: str,
        *arguments: str,
        disturb: Callable[[str, str], Callable[[], None] | None] = lambda _task, _line: None,
        quiet: bool = False,
    ) -> Run:
        """Run a playbook.

        *disturb* sees every line of its output, with the task it belongs to, and may answer with something to do
        at this moment; Ansible is held still meanwhile, so that a slow machine tells the same story as a fast one.
        """
        command = ["ansible-playbook", *self._options, playbook, *arguments]
        shown = f"ansible-playbook {' '.join((playbook.replace(f'{ROOT}/', ''), *arguments))}"
        self._narrator.say(f"  $ {shown}")
        self._runs += 1
        log = OUTPUT / f"{self._runs:02}-{Path(playbook).name}.log"
        shortener, lines = PlaybookFilter(), []
        with (
            log.open("w", encoding="utf-8") as file,
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                file.write(line)
                file.flush()
                for short in shortener.shorten(line.rstrip()):
                    if not quiet or FAILURE.search(short):
                        self._narrator.say(f"  {short}")
                if act := disturb(shortener.task, line):
                    with held_still(process):
                        act()
        return Run(process.returncode, "".join(lines), shortener.done)

    def succeed(self, playbook: str, *arguments: str, quiet: bool = False) -> Run:
        """Run a playbook that has to succeed."""
        run = self.run(playbook, *arguments, quiet=quiet)
        if run.returncode:
            raise StoryError(f"{playbook} failed with status {run.returncode}; its output is in {OUTPUT}")
        return run


# --- The client ---


class PollingClient:
    """A client process that polls through the balancers for as long as the story lasts."""

    RATE = 50
    PATIENCE = 20.0

    def __init__(self) -> None:
        self._status = OUTPUT / "status.json"
        self._kills = OUTPUT / "kills"
        self._process: subprocess.Popen[str] | None = None

    def start(self, balancers: Sequence[str]) -> None:
        command = [
            sys.executable, str(FOLDER / "client.py"), *balancers, "--rate", str(self.RATE),
            "--status", str(self._status), "--kills", str(self._kills),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + self.PATIENCE
        while not self.numbers():
            if time.monotonic() > deadline:
                raise StoryError(f"no balancer was asked anything within {self.PATIENCE:.0f} s")
            time.sleep(0.1)

    def numbers(self) -> dict[str, Any]:
        """Give the live numbers; none before the first requests."""
        try:
            return dict(json.loads(self._status.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def live(self) -> str:
        """Put the live numbers into words, for whoever waits."""
        numbers = self.numbers()
        if not numbers:
            return ""
        in_flight = "".join(f", {count} in flight to {host}" for host, count in numbers["in_flight"].items())
        return f" · {numbers['sent']} requests, {numbers['failed']} failed{in_flight}"

    @contextmanager
    def told_of_kill(self, host: str) -> Iterator[None]:
        """Tell the client when a host is killed: when the command began and when it ended."""
        begin = time.time()
        yield
        with self._kills.open("a", encoding="utf-8") as file:
            file.write(f"{begin} {time.time()} {host}\n")

    def stop(self) -> dict[str, Any]:
        """End the client, and give all its numbers."""
        if self._process is None:
            return {}
        self._process.send_signal(signal.SIGTERM)
        output, _rest = self._process.communicate(timeout=60)
        self._process = None
        return dict(json.loads(output))
