"""Measure how long a plan takes: 100 to 10,000 hosts with 100 or 300 services, 1 to 10 of them on each host.

The planner alone (from services and hosts to plays), the plan's folder, its page and how long a headless Chromium needs
to draw it, and the whole of what an operator waits for, ``ansible-playbook --list-hosts``, beside what Ansible needs
for the same inventory and one empty play. Each size is a process of its own, so that its peak memory is its own. Roles,
planner and folder are in seconds of the processors, in which other work of the machine does not count; the rest is in
seconds on the clock. ``one host`` is the same with ``--limit``, as a host takes that upgrades itself. Goals for the
planner with 10,000 hosts: at most 10 s and 1 GiB; for what an operator waits for: 6 s with 1,000 hosts and 100 services
or 5 s with 300, 40 s with 10,000; for one host of them: 3 s. Run as
``tests/env python tests/bench/planning.py [HOSTS…]``.
"""

from __future__ import annotations

import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._render.folder import write_plan
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.tests.page.browser import start_browser
from packing import Shape, draw  # type: ignore[import-not-found] # it stands beside this file

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
SIZES = ((100, 100), (1000, 100), (1000, 300), (10000, 100))  # hosts, services
TOGETHER = 10
SECONDS, MEBIBYTES = 10, 1024
WAITS = {(1000, 100): 6, (1000, 300): 5, (10000, 100): 40}  # seconds until the first gate
ONE_HOST = 3  # seconds
PATIENCE = 600  # seconds for a run of ansible-playbook


def write_site(folder: Path, hosts: int, services: int) -> dict[str, tuple[str, ...]]:
    """Write inventory and roles of a fleet, the same each time; gives the hosts of each service."""
    fleet = draw(Shape("", hosts, services, TOGETHER, edges=0.01), random.Random(hosts))  # noqa: S311 - no secret
    members: defaultdict[str, list[str]] = defaultdict(list)
    for host, names in fleet.on.items():
        for name in names:
            members[name].append(host)
    children: dict[str, Any] = {
        name: {"hosts": {host: {} for host in each}} for name, each in members.items()
    }
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": children}}))
    (folder / "empty.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: []\n")
    for name in members:
        role = folder / "roles" / name
        (role / "meta").mkdir(parents=True)
        (role / "tasks").mkdir()
        settings = {"max_unavailable": fleet.rules.slots[name], "after": sorted(fleet.rules.befores[name])}
        (role / "meta/service.yml").write_text(json.dumps(settings))
        tasks = [
            {"name": f"{name} {step}", "ansible.builtin.command": "true", "tags": f"step{step}"}
            for step in (0, 1, 2, 3, 5, 6)
        ]
        (role / "tasks/upgrade_tasks.yml").write_text(yaml.safe_dump(tasks))
    return {name: tuple(each) for name, each in members.items()}


def measure(hosts: int, of: int) -> dict[str, Any]:
    """Plan a fleet of so many hosts and services."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        members = write_site(folder, hosts, of)
        before = peak()
        start = time.process_time()
        services = find_services([RoleFolder(folder / "roles")])
        deployments = read_deployments(services, members)
        read = time.process_time()
        plan = compile_plan(deployments, {})
        plan_id = plan.id
        planned = time.process_time()
        memory = peak()
        playbook = write_plan(plan, services, folder / "plan")
        written = time.process_time()
        return {
            "plays": len(plan.plays),
            "id": plan_id,
            "read": read - start,
            "planner": planned - read,
            "write": written - planned,
            "memory": memory,
            "memory before": before,
            "page": (playbook.parent / "plan.html").stat().st_size / 1e6,
            "open": open_page(playbook.parent / "plan.html"),
            "whole": list_hosts(folder, "orderly.services.upgrade"),
            "one host": list_hosts(folder, "orderly.services.upgrade", "--limit", "h0"),
            "ansible": list_hosts(folder, "empty.yml"),
        }


def open_page(page: Path) -> float:
    """Tell how many seconds a browser takes until a page is drawn."""
    with start_browser() as browser:
        start = time.perf_counter()
        browser.open(page)
        return time.perf_counter() - start


def peak() -> float:
    """Give the most memory that this process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def list_hosts(folder: Path, playbook: str, *options: str) -> float:
    """Tell how many seconds ``--list-hosts`` of a playbook takes, and give up in the end."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environ = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    start = time.perf_counter()
    try:
        subprocess.run(
            [program, "-i", str(folder / "hosts.json"), "--list-hosts", playbook, *options],
            cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return math.inf
    return time.perf_counter() - start


def report(sizes: Iterable[tuple[int, int]]) -> bool:
    """Measure and print; tells whether the goals are met."""
    print(
        f"{'hosts':>8}{'services':>10}{'plays':>7}{'read roles':>12}"
        f"{'planner':>10}{'growth':>8}{'peak':>10}{'folder':>10}{'page':>10}"
        f"{'opens in':>10}{'list-hosts':>12}{'one host':>10}{'empty play':>12}"
    )
    met, last = True, None
    waits: dict[str, bool] = {}
    for hosts, services in sizes:
        output = subprocess.run(
            [sys.executable, __file__, "--one", str(hosts), str(services)],
            check=True,
            capture_output=True,
            text=True,
        )
        figures = json.loads(output.stdout)
        growth = f"{figures['planner'] / last:7.1f}x" if last else f"{'':8}"
        last = figures["planner"]
        print(
            f"{hosts:8,}{services:10}{figures['plays']:7}{figures['read']:10.2f} s{figures['planner']:8.2f} s{growth}"
            f"{figures['memory']:6.0f} MiB{figures['write']:8.2f} s{figures['page']:7.2f} MB{figures['open']:8.1f} s"
            f"{figures['whole']:10.1f} s{figures['one host']:8.1f} s{figures['ansible']:10.1f} s",
            flush=True,
        )
        waits |= {
            f"{hosts:,} hosts, {services} services": figures["whole"]
            <= WAITS.get((hosts, services), math.inf),
            f"one host of {hosts:,}": figures["one host"] <= ONE_HOST,
        }
        met = figures["read"] + figures["planner"] <= SECONDS and figures["memory"] <= MEBIBYTES
    print(f"inf: not done within {PATIENCE} s; load {os.getloadavg()[0]:.0f}")
    print(
        f"Goals for the planner with the most hosts: {SECONDS} s and {MEBIBYTES} MiB: {'met' if met else 'missed'}"
    )
    for words, in_time in waits.items():
        print(f"Goal for list-hosts, {words}: {'met' if in_time else 'missed'}")
    return met


def main(arguments: list[str]) -> int:
    """Measure one size in this process, or print a table of several."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(int(arguments[1]), int(arguments[2]))))
        return 0
    return 0 if report([size for size in SIZES if not arguments or str(size[0]) in arguments]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
