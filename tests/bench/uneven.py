"""Measure a roll over uneven hosts: ten of one service, three at a time, of which the first takes five times as long.

Hosts are toys of this machine that sleep for a declared time. The same roll is played twice, one after the other:

* each host begins as soon as a slot is free, which is how a roll goes,
* with a barrier after every wave, as ``rolling_op_serial`` makes them.

Both are compared with the bound: the longest host, or all work divided by the slots, whichever is more. No order can
be shorter. Goals: at most 1.15 of the bound, and at least 1.25 times as fast as with barriers. What is above the bound
is Ansible's own work, which takes longer on a busy machine; so the load is told. Were the slow host the last one to
begin, nothing but to know that before would help. Run as ``tests/env python tests/bench/uneven.py [SECONDS]``, where
SECONDS (30) is the time of a usual host.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.orderly.services.tests.play.toys import Site

HOSTS = [f"w{number}" for number in range(1, 11)]
SLOW, TIMES = "w1", 5
SLOTS = 3
OPERATION = ("-e", "rolling_op_name=bench", "-e", "rolling_op_tasks=operation.yml")


def work(seconds: float) -> dict[str, float]:
    """Give the time of every host."""
    return {host: seconds * (TIMES if host == SLOW else 1) for host in HOSTS}


def bound(seconds: float) -> float:
    """Give the time below which nobody can be."""
    times = work(seconds).values()
    return max(*times, sum(times) / SLOTS)


def played(seconds: float, *arguments: str) -> float:
    """Play it over new hosts; gives the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        site.groups(web=" ".join(HOSTS))
        site.service("web", max_unavailable=SLOTS)
        for host, time_of_host in work(seconds).items():
            site.write(f"host_vars/{host}.yml", f"takes: {time_of_host}\n")
        site.write("operation.yml", "- name: Work\n  ansible.builtin.raw: sleep {{ takes }}\n")
        start = time.monotonic()
        outcome = site.upgrade(
            *OPERATION, *arguments, playbook="orderly.services.rolling_op", ANSIBLE_FORKS=str(len(HOSTS))
        )
        if outcome.code:
            sys.exit(f"A run failed; its figures would mean nothing: {outcome.raw}")
        return time.monotonic() - start


def main(seconds: float = 30) -> int:
    """Measure and print."""
    rolled = played(seconds)
    barriers = played(seconds, "-e", f"rolling_op_serial={SLOTS}")
    least = bound(seconds)
    print(
        f"{len(HOSTS)} toy hosts, {SLOTS} at a time, {seconds} s each and {TIMES} times that on {SLOW}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(f"  bound          {least:7.1f} s")
    print(f"  rolling_op     {rolled:7.1f} s   {rolled / least:5.2f} of the bound (goal 1.15)")
    print(
        f"  with barriers  {barriers:7.1f} s   {barriers / least:5.2f} of the bound, "
        f"{barriers / rolled:5.2f} times that (goal 1.25)"
    )
    return 0 if rolled <= 1.15 * least and barriers >= 1.25 * rolled else 1


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
