"""Measure a rolling operation over a mixed fleet: 12 hosts, 4 services, budgets of 1 and 2, some of them on one host.

Hosts are toys of this machine whose parts sleep for a declared time, so figures tell of waves, barriers and Ansible's
own work, not of services. The makespan is compared with

(a) the bound: a host is away for the time of all its parts, a service takes the times of its hosts divided by its
    slots, and services that come after each other add up; no order of work can be shorter,
(b) what most teams write by hand: one ``serial: 1`` play for each group, with the same drain, work, verify and undrain.

Goals: at most 1.3 of the bound, at least twice as fast as by hand. What is above the bound is Ansible's own work, which
takes longer on a busy machine; so the load is told. Run as ``tests/env python tests/bench/roll.py [SECONDS]``,
where SECONDS (8) is the time of one service on one host.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._common.graph import closure
from ansible_collections.orderly.services.tests.play.toys import Site

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTS = {"web": "w1 w2 w3 w4 w5 w6", "cache": "w1 w2 w3 w4", "db": "d1 d2 d3 d4", "lb": "l1 l2"}
SLOTS = {"web": 2, "cache": 2, "db": 1, "lb": 1}
AFTER = {"web": (), "cache": (), "db": (), "lb": ("web",)}
PARTS = {
    "drain": 0.25,
    "operate": 0.375,
    "verify": 0.25,
    "undrain": 0.125,
}  # of the time of a service on a host


def sleep(seconds: str) -> str:
    return f"- name: Work\n  ansible.builtin.raw: sleep {seconds}\n"


def write_fleet(site: Site, seconds: float) -> None:
    """Write inventory and roles, the operation, and the playbook that does the same by hand."""
    site.groups(**HOSTS)
    by_hand = []
    for name, slots in SLOTS.items():
        role = site.service(name, after=list(AFTER[name]), max_unavailable=slots)
        for part, share in PARTS.items():
            (role / f"tasks/{part}.yml").write_text("---\n" + sleep(f"{share * seconds}"))
        includes = "".join(
            f"    - ansible.builtin.include_role: {{name: {name}, tasks_from: {part}}}\n" for part in PARTS
        )
        by_hand.append(f"- hosts: {name}\n  serial: 1\n  gather_facts: false\n  tasks:\n{includes}")
    each = f"{{{{ {PARTS['operate'] * seconds} * (rolling_op_visit | length) }}}}"
    site.write("operation.yml", sleep(each))
    site.write("by_hand.yml", "\n".join(by_hand))


def visits() -> dict[str, list[str]]:
    """Give the services of every host."""
    hosts = {host for names in HOSTS.values() for host in names.split()}
    return {host: [name for name in HOSTS if host in HOSTS[name].split()] for host in hosts}


def bound(seconds: float) -> float:
    """Give the time below which nobody can be."""
    away = {host: len(names) * seconds for host, names in visits().items()}
    alone = {name: sum(away[host] for host in hosts.split()) / SLOTS[name] for name, hosts in HOSTS.items()}
    return max(alone[name] + sum(alone[before] for before in closure(AFTER, name)) for name in HOSTS)


def timed(run: Callable[[], int]) -> float:
    start = time.monotonic()
    if run():
        sys.exit("A run failed; its figures would mean nothing.")
    return time.monotonic() - start


def main(seconds: float = 8) -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        write_fleet(site, seconds)

        def play(playbook: str | Path, *arguments: str) -> int:
            outcome = site.upgrade(*arguments, playbook=playbook, ANSIBLE_FORKS="12")
            print(
                "".join(
                    line for line in outcome.raw.splitlines(keepends=True) if line.startswith(("Wave", "Why"))
                )
            )
            return outcome.code

        operation = ("-e", "rolling_op_name=bench", "-e", "rolling_op_tasks=operation.yml")
        rolled = timed(partial(play, "orderly.services.rolling_op", *operation))
        by_hand = timed(partial(play, site.folder / "by_hand.yml"))
    least = bound(seconds)
    print(f"12 toy hosts, 4 services, {seconds} s for a service on a host, load {os.getloadavg()[0]:.1f}")
    print(f"  bound                    {least:7.1f} s")
    print(f"  rolling_op               {rolled:7.1f} s   {rolled / least:5.2f} of the bound (goal 1.3)")
    print(f"  one play for each group  {by_hand:7.1f} s   {by_hand / rolled:5.2f} times that (goal 2)")
    return 0 if rolled <= 1.3 * least and by_hand >= 2 * rolled else 1


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
