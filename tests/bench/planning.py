"""Measure how long a plan takes: 100 to 10,000 hosts with 100 or 300 services, 1 to 10 of them on each host.

The planner alone (from services and hosts to plays), the plan's folder, its page and how long a headless Chromium needs
to draw it; ``start.py`` measures all that an operator waits for. Each size is a process of its own, so that its peak
memory is its own. Roles, planner and folder are in seconds of the processors, in which other work of the machine does
not count; the page is in seconds on the clock. Goals for the planner with 10,000 hosts: at most 10 s and 1 GiB. Run as
``tests/env python tests/bench/planning.py [HOSTS…]``.
"""

from __future__ import annotations

import json
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

SIZES = ((100, 100), (1000, 100), (1000, 300), (10000, 100))  # hosts, services
TOGETHER = 10
SECONDS, MEBIBYTES = 10, 1024


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


def report(sizes: Iterable[tuple[int, int]]) -> bool:
    """Measure and print; tells whether the goals are met."""
    print(
        f"{'hosts':>8}{'services':>10}{'plays':>7}{'read roles':>12}"
        f"{'planner':>10}{'growth':>8}{'peak':>10}{'folder':>10}{'page':>10}"
        f"{'opens in':>10}"
    )
    met, last = True, None
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
            f"{figures['memory']:6.0f} MiB{figures['write']:8.2f} s{figures['page']:7.2f} MB{figures['open']:8.1f} s",
            flush=True,
        )
        met = figures["read"] + figures["planner"] <= SECONDS and figures["memory"] <= MEBIBYTES
    print(f"load {os.getloadavg()[0]:.0f}")
    print(
        f"Goals for the planner with the most hosts: {SECONDS} s and {MEBIBYTES} MiB: {'met' if met else 'missed'}"
    )
    return met


def main(arguments: list[str]) -> int:
    """Measure one size in this process, or print a table of several."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(int(arguments[1]), int(arguments[2]))))
        return 0
    return 0 if report([size for size in SIZES if not arguments or str(size[0]) in arguments]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
