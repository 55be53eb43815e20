"""What a new user types first, each as the very first thing on a machine where nothing was installed.

Each test makes a bare Debian root of its own. They take minutes and need root; ``make bare`` runs them all.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOM = Path(__file__).with_name("room")
README_NEEDS = ("--with", "make")  # by the line of the README that brings it
STORY = "1. Five hosts"
BEFORE_THE_STORY = ["Installing python3-venv", "Installing the Python packages of the demo for Python 3 …"]
SUITES = ("bookworm", "trixie")


@dataclass(frozen=True)
class Visit:
    """What a command in a bare root ended with and said, when it began and when each line came."""

    status: int
    begin: float
    lines: list[str]
    times: list[float]

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def place(self, text: str) -> int:
        """Find the first line with this text."""
        return next(number for number, line in enumerate(self.lines) if text in line)


def visit(suite: str, *arguments: str) -> Visit:
    """Run a command in a room; its time begins when the room is ready."""
    split = arguments.index("--") + 1
    command = [*arguments[:split], "sh", "-c", f'echo {READY}; exec "$@"', "-", *arguments[split:]]
    begin = time.monotonic()
    lines: list[str] = []
    times: list[float] = []
    with subprocess.Popen(
        [str(ROOM), "--suite", suite, *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.rstrip() == READY:
                begin = time.monotonic()
                lines.clear()
                times.clear()
            else:
                lines.append(line.rstrip())
                times.append(time.monotonic())
    return Visit(process.returncode, begin, lines, times)


READY = "--- the room is ready ---"
EVERY_VERB = """
fleet() { echo "fleet $*" >&2; tests/fleet/fleet "$@"; echo "status $?" >&2; }
fleet ls
before=$(dpkg-query --show)
fleet inventory; fleet down; fleet down --image; fleet down --all
fleet kill web1; fleet exec web1 -- true; fleet offer-updates
[ "$before" = "$(dpkg-query --show)" ] && [ ! -e ~/.cache ] && echo nothing else was installed or left
"""
NO_HOST = "fleet: no host web1 in fleet orderly; it has no hosts"
SAID_BY_VERBS = [
    "fleet ls", "status 0",
    "fleet inventory", "{home}/.cache/orderly-services/fleet/fleets/orderly/inventory.yml", "status 0",
    "fleet down", "status 0",
    "fleet down --image", "status 0",
    "fleet down --all", "status 0",
    "fleet kill web1", NO_HOST, "status 1",
    "fleet exec web1 -- true", NO_HOST, "status 1",
    "fleet offer-updates", "fleet: fleet orderly has no hosts yet; name some, as in: fleet up web1 web2", "status 1",
    "nothing else was installed or left",
]  # fmt: skip


@pytest.mark.parametrize("suite", SUITES)
def test_demo_soon_tells_its_story_and_plays_its_first_act(
    suite: str, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = visit(suite, *README_NEEDS, "--", "make", "demo", "ACTS=1")
    assert demo.status == 0, demo.said
    assert "The client sends 50 requests per second through both balancers." in demo.said
    assert "Stopped after act 1, as asked" in demo.said
    assert not re.search("Reading database|Traceback", demo.said)
    before = [line for line in demo.lines[: demo.place(STORY)] if line and not line.endswith(" s")]
    assert [re.sub(r"3\.\d+\.\d+", "3", line).strip() for line in before] == BEFORE_THE_STORY
    with capsys.disabled():
        print(f"\nbare {suite}: the story begins in second {demo.times[demo.place(STORY)] - demo.begin:.0f}")


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(("who", "home"), [("root", "/root"), ("user", "/home/op")])
def test_every_verb_of_the_fleet_may_come_first(suite: str, who: str, home: str) -> None:
    options = ["--user"] if who == "user" else []
    verbs = visit(suite, *options, "--", "sh", "-c", EVERY_VERB)
    said = [
        line
        for line in verbs.lines
        if not re.match("Installing python3|installing …|fetching package lists …", line)
    ]
    assert said == [line.format(home=home) for line in SAID_BY_VERBS]


def test_one_test_may_come_first_on_trixie() -> None:
    one = visit("trixie", "--user", "--", "tests/env", "pytest", "tests/unit/history/test_check.py")
    assert one.status == 0, one.said
    assert re.search(r"^\d+ passed in", one.lines[-1])
