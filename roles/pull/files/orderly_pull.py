# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-pull, which the arguments are, and say to systemd and its journal what came of it.

It ends with 0 when this host has nothing left to do, with 75 when its turn did not come, and else with the status of
ansible-pull. What the run reported of itself is in the file that ORDERLY_PROGRESS_REPORT names.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

REFUSED = os.EX_TEMPFAIL
LOST = ("failed", "unreachable")
TELLING = re.compile(r"PLAY \[|Waiting |Wave |.* waits for ")


def main(command: list[str]) -> int:
    """Run a command, show where it is as the status of the unit, and say what its end means."""
    report = Path(os.environ["ORDERLY_PROGRESS_REPORT"])
    report.unlink(missing_ok=True)  # that of the run before
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as run:
        for line in run.stdout or ():
            print(line, end="", flush=True)
            if TELLING.match(line):
                notify(f"STATUS={line.strip('* ' + os.linesep)}")
    status, sentence = meaning(run.returncode, read(report))
    print(f"orderly-pull: {sentence}", flush=True)
    notify(f"STATUS={sentence}")
    return status


def meaning(code: int, report: dict[str, Any]) -> tuple[int, str]:
    """Give the exit status of the unit, and a sentence for people."""
    if code < 0:
        return 128 - code, f"interrupted by signal {-code}. The next run takes up what this one has begun."
    if code == 0:
        waves = len(report.get("waves", ()))
        return 0, "done." if waves else "nothing was left to do on this host."
    visits = [visit for wave in report.get("waves", ()) for visit in wave["hosts"].values()]
    kept = ", ".join(sorted({name for names in report.get("slots_kept", {}).values() for name in names}))
    if kept or any(visit["outcome"] in LOST for visit in visits):
        slots = f" It keeps its slots of {kept}, and counts as down." if kept else ""
        return code, f"failed on this host.{slots} Look above for the cause; the next run takes it up again."
    if refusal := report.get("refusal"):
        so_far = " after this host was changed" if visits else ", and nothing was disrupted here"
        return REFUSED, f"refused{so_far}: {refusal}"
    return (
        code,
        "failed before this host's turn came, and nothing was disrupted here. Look above for the cause.",
    )


def read(report: Path) -> dict[str, Any]:
    """Read what the run has reported; nothing where it took no slots, or was killed while it wrote."""
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found
    return {}


def notify(words: str) -> None:
    """Tell systemd something about the unit; nothing is told where it was not systemd that started us."""
    if place := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection, suppress(OSError):
            connection.sendto(words.encode(), f"\0{place[1:]}" if place.startswith("@") else place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
