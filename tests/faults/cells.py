"""The cells of the fault matrix as plays: every fault with every keyword that is said to stop a roll."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

HOSTS = ("h1", "h2", "h3", "h4")  # the first one is faulty
SERVICE = "service: web\nmax_unavailable: 2\n"

ACQUIRE = """
    - orderly.services.rolling_lock: {services: web}
      run_once: true
"""
RELEASE = """
    - orderly.services.rolling_lock: {state: released}
      run_once: true
"""
TASK = """
    - ansible.builtin.raw: COMMAND
"""
ON_FIRST = "      when: inventory_hostname == ansible_play_hosts_all[0]\n"
FAILS = """
    - block:
        - ansible.builtin.raw: COMMAND
          when: inventory_hostname == ansible_play_hosts_all[0]
      always:
        - CLEANUP
          run_once: true
"""
KEYWORDS = {
    "no keyword": "",
    "any_errors_fatal": "  any_errors_fatal: true\n",
    "max_fail_percentage": "  max_fail_percentage: 0\n",
}
FAULTS = ("failed", "failed in block with always", "unreachable")


class Cell(NamedTuple):
    """One play: what happens to its first host, in batches of how many, with which keyword."""

    fault: str
    serial: str
    keyword: str

    def __str__(self) -> str:
        """Name the cell."""
        return f"{self.fault} / serial {self.serial} / {self.keyword}"


CELLS = [Cell(*cell) for cell in product(FAULTS, ("1", "2"), KEYWORDS)]


class Commands(NamedTuple):
    """What the tasks of a play run on a host: say that it was touched, fail, and leave for good."""

    touch: str
    fail: str
    vanish: str


def play(cell: Cell, commands: Commands, *, lock: bool) -> str:
    """Write the play of a cell, with the rolling lock or as people write it without."""
    cleanup = (
        "orderly.services.rolling_lock: {state: released}"
        if lock
        else "ansible.builtin.debug: {msg: cleanup}"
    )
    fault = {
        "failed": task(commands.fail) + ON_FIRST,
        "failed in block with always": FAILS.replace("COMMAND", commands.fail).replace("CLEANUP", cleanup),
        "unreachable": task(commands.vanish) + ON_FIRST,
    }[cell.fault]
    return whole_play(task(commands.touch) + fault, cell.serial, cell.keyword, lock=lock)


def whole_play(tasks: str, serial: str, keyword: str = "no keyword", *, lock: bool = True) -> str:
    """Put tasks into a play, between taking the slots and giving them back."""
    head = f"- hosts: web\n  gather_facts: false\n  serial: {serial}\n"
    tasks = f"{ACQUIRE}{tasks}{RELEASE}" if lock else tasks
    return f"{head}{KEYWORDS[keyword]}  tasks:{tasks}"


def task(command: str) -> str:
    """Give a task that runs a command on every host."""
    return TASK.replace("COMMAND", command)
