# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the policy-rc.d script what nobody thought of: odd arguments, and odd policies beside a good one.

Run: tests/env python tests/fuzz/deferral.py [CASES] [SEED]. Every case starts the real script. It must exit 0 or
101, and what the good policy lists must never be allowed. A case that fails is printed so that it can be asked again.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "roles/deferral/files/policy-rc.d"
CASES = 20_000
ALLOWED, DENIED = 0, 101
GOOD = "blocked_actions:\n  alpha.service: [restart, stop, try-restart]\n  tpl: [restart, stop]\n  'a\\x2db': [stop]\n"

# The questions that must be denied whatever else is there, and the pieces that odd ones are made of.
LISTED = [
    ["alpha", "restart"], ["alpha.service", "restart"], ["--quiet", "alpha", "restart", "5"],
    ["alpha.sh", "stop"], ["alpha", "force-reload"], ["alpha", "status restart"],
    ["alpha", "try-restart", "2"], ["tpl@x", "restart"], ["tpl@*.service", "stop"],
    ["alpha", "condrestart"], ["omega", "restart"], ["ax2db", "(stop)"], ["a\\x2db", "stop"],
    ["alpha", "restart\n"], ["alpha", "  stop  "], ["alpha.service", "reload-or-restart"],
]  # fmt: skip
WORDS = [
    "alpha", "alpha.service", "gamma", "tpl@", "tpl@1", "tpl@[1", "*", "[", "[!", "?", "a*", "--quiet",
    "--list", "--query", "--restart-collateral", "--", "-", "", " ", "restart", "stop", "(restart)", "(",
    "start", "reload", "force-", "force-stop", "restart stop", "\n", "\t", "%s%n", "$(id)", "`id`", "; id",
    "../../etc/passwd", "x" * 5000, "\\", "\\x2d", "'", '"', "0", "5", "\u00e4", "\U0001f980",
    "alpha.socket", ".service", "@", "@.service", "alpha@", "\x7f", "\x1b[2J", "(?{die})", ")(",
]  # fmt: skip
PIECES = [
    "blocked_actions:", "blocked_actions: ", "policy_requestor_name: ", "policy_requestor_type: ", "\n",
    "\n  ", "\n\t", "\r\n", "alpha", "alpha.service", "gamma:", "  - restart", "- ", "[", "]", "{", "}",
    ",", ": ", "'", '"', "\\", "#", "&a ", "*a", "!!", "!!python/object/apply:os.system [id]", "|", ">",
    "? ", "---", "...", "~", "null", "yes", "1234", "\0", "\x01", "\xff", "%", "..", "/", "$(id)",
    "x" * 3000, "[" * 300, "{" * 300, "- " * 200, " " * 400 + "a:", "<<: ", "\u00e4", "\ufeff",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What is asked, what stands in the policy of somebody else, and whether the answer is known."""

    question: list[bytes]
    policy: bytes
    must_be_denied: bool


def odd(words: random.Random, pieces: list[str], most: int, glue: str) -> bytes:
    """Make something of pieces, now and then with a byte changed."""
    text = glue.join(words.choice(pieces) for _piece in range(words.randrange(most))).encode(
        "utf-8", "replace"
    )
    if text and words.random() < 0.2:
        place = words.randrange(len(text))
        text = text[:place] + bytes([words.randrange(256)]) + text[place + 1 :]
    return text


def make_case(number: int, seed: int) -> Case:
    """Make the case of a number; the same one every time."""
    words = random.Random(seed * 1_000_003 + number)  # noqa: S311
    listed = number % 2 == 0
    if listed:
        question = [part.encode() for part in words.choice(LISTED)]
    else:
        question = [odd(words, WORDS, 3, "").replace(b"\0", b"") for _argument in range(words.randrange(5))]
    return Case(question, odd(words, PIECES, 25, ""), listed)


class Worker:
    """A host of its own, in a temporary folder, that is asked one case after the other."""

    def __init__(self) -> None:
        """Make the host: one good policy, units that run, an alias."""
        self.root = Path(
            tempfile.mkdtemp(prefix="orderly-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        )
        for folder in ("etc/policy-rc.d", "etc/systemd/system", "run/systemd/units", "bin", "var/lib"):
            (self.root / folder).mkdir(parents=True)
        for unit in ("alpha", "gamma", "tpl@1"):
            (self.root / f"run/systemd/units/invocation:{unit}.service").symlink_to("1" * 32)
        (self.root / "etc/systemd/system/omega.service").symlink_to("/lib/systemd/system/alpha.service")
        (self.root / "bin/systemctl").write_text("#!/bin/sh\nexit 0\n")
        (self.root / "bin/systemctl").chmod(0o755)
        (self.root / "etc/policy-rc.d/good.policy").write_text(GOOD)
        text = SCRIPT.read_text().replace("root=''", f"root='{self.root}'", 1)
        (self.root / "policy-rc.d").write_text(text.replace("PATH=", f"PATH={self.root}/bin:", 1))
        (self.root / "policy-rc.d").chmod(0o755)
        self.perl_gave_up = 0

    def ask(self, case: Case) -> int:
        """Ask the real script, as a process of its own."""
        (self.root / "etc/policy-rc.d/fuzz.policy").write_bytes(case.policy)
        program = str(self.root / "policy-rc.d").encode()
        null = os.open(os.devnull, os.O_RDWR)
        quiet = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in range(3)]
        pid = os.posix_spawn(
            program, [program, *case.question], {"PATH": "/usr/bin:/bin"}, file_actions=quiet
        )
        os.close(null)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def faults(self, numbers: range, seed: int) -> list[str]:
        """Ask all cases of some numbers, and tell which went wrong."""
        return [fault for number in numbers if (fault := self.fault(number, seed))]

    def fault(self, number: int, seed: int) -> str:
        """Ask one case; an empty text where it is answered as it must be."""
        case = make_case(number, seed)
        answer = self.ask(case)
        if answer not in (ALLOWED, DENIED) or (case.must_be_denied and answer != DENIED):
            return f"case {number} of seed {seed}: exit {answer}: {case}"
        return ""

    def remove(self) -> list[str]:
        """Remove the host; tell what the shell had to decide alone."""
        trouble = self.root / "run/orderly/policy.trouble"
        said = trouble.read_text().splitlines() if trouble.exists() else []
        shutil.rmtree(self.root)
        return [line for line in said if "could not decide" in line]


def main() -> int:
    """Ask all cases on all cores, and count."""
    cases, seed = (int(given) for given in [*sys.argv[1:3], *[str(CASES), "1"][len(sys.argv) - 1 :]])
    workers = [Worker() for _core in range(os.cpu_count() or 1)]
    begin = time.monotonic()
    with ThreadPoolExecutor(len(workers)) as pool:
        jobs = [
            pool.submit(worker.faults, range(first, cases, len(workers)), seed)
            for first, worker in enumerate(workers)
        ]
        faults = [fault for job in jobs for fault in job.result()]
    gave_up = [line for worker in workers for line in worker.remove()]
    print(*faults, *gave_up[:10], sep="\n")
    took = time.monotonic() - begin
    print(f"{cases} cases in {took:.0f} s: {len(faults)} faults, {len(gave_up)} that Perl could not decide")
    return 1 if faults or gave_up else 0


if __name__ == "__main__":
    sys.exit(main())
