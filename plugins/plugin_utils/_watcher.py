# This is a private utility of the orderly.services collection; it may change without notice.
"""The watcher of a run: a process that asks probes again and again, and tells what it found when nobody writes to it.

It is no thread of ansible-playbook, whose workers are forks: a fork takes along the locks of other threads, for good.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

from ._blockers import ask, on_controller, parse_blockers
from ._outages import Outages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._blockers import Blocker


def watch(probe: Blocker, outages: Outages, every: float, end: threading.Event) -> None:
    """Ask a probe until the end."""
    while not end.is_set():
        asked_at = time.monotonic()
        outages.hear(ask(probe, on_controller), asked_at)
        end.wait(max(0.0, asked_at + every - time.monotonic()))


def main(arguments: Sequence[str]) -> None:
    """Watch the probes of the first argument, JSON, each so many seconds as the second says, until stdin ends."""
    probes = parse_blockers(json.loads(arguments[0]), "probes")
    end = threading.Event()
    watched = [(probe, Outages(probe.name)) for probe in probes]
    for probe, outages in watched:
        threading.Thread(target=watch, args=(probe, outages, float(arguments[1]), end), daemon=True).start()
    sys.stdin.read()
    now = time.monotonic()
    end.set()
    json.dump([outages.told(now) for _probe, outages in watched], sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
