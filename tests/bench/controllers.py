"""Measure an upgrade by two controllers, each with half of the fleet, against the same by one.

Hosts are toys whose change is a sleep, so that the processors of this machine do not count. Half of the hosts may be
down at once, and a controller has forks for half of those: one controller does a wave in two rounds, two do it in one.
Every second host is one controller's, so that each has hosts of both waves.

Goal: two are at least 1.8 times as fast. What Ansible takes before and after the work is the same for all, longer on
a busy machine; so the load is told. Run as ``tests/env python tests/bench/controllers.py [SECONDS]``, where SECONDS
(30) is the time of the change of one host.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.play.toys import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

FORKS = 4
HOSTS = [f"w{number:02}" for number in range(4 * FORKS)]
GOAL = 1.8


def upgraded(parts: Sequence[Sequence[str]], seconds: float) -> float:
    """Give the seconds that the upgrade of a new fleet takes, with a controller for each part of it."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        site.groups(web=" ".join(HOSTS))
        role = site.service("web", "", max_unavailable="50%")
        (role / "tasks/upgrade_tasks.yml").write_text(
            f"---\n- name: Work\n  ansible.builtin.raw: sleep {seconds}\n  tags: step3\n"
        )
        start = time.monotonic()
        runs = [site.start("--limit", ",".join(part), ANSIBLE_FORKS=str(FORKS)) for part in parts]
        said = [run.communicate()[0] for run in runs]
        if any(run.returncode for run in runs):
            sys.exit("A run failed; its figures would mean nothing.\n" + "\n".join(said))
        return time.monotonic() - start


def main(seconds: float = 30) -> int:
    """Measure and print."""
    one = upgraded([HOSTS], seconds)
    two = upgraded([HOSTS[::2], HOSTS[1::2]], seconds)
    print(
        f"{len(HOSTS)} toy hosts, half of them down at once, {FORKS} forks, {seconds} s for a host, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(f"  one controller    {one:7.1f} s")
    print(f"  two controllers   {two:7.1f} s   {one / two:5.2f} times as fast (goal {GOAL})")
    return 0 if one >= GOAL * two else 1


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
