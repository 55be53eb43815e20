"""Measure what a gate costs: 1,000 and 10,000 hosts with 100 services, half of the upgrade done.

What the first task of a wave does before it waits for anything, and its last one, as the action does both: read the
plan, check the folder, look at the journal, take the slots of the wave and note it all. In seconds of the processors,
in which other work of the machine does not count, and in calls of functions, which no machine changes. Goal with
10,000 hosts: at most 0.3 s for either. Run as ``tests/env python tests/bench/gates.py [HOSTS…]``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import DONE, Journal
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.upgrade_run import UpgradeRun
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._plan.approval import read_unchanged
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._plan.folder_files import state_of
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import read_plan
from ansible_collections.orderly.services.plugins.plugin_utils._render.folder import write_plan
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from planning import write_site  # type: ignore[import-not-found] # it stands beside this file

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Plan, Play
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

SIZES, SERVICES = (1000, 10000), 100
SECONDS = 0.3


def upgrade_of(plan: Plan, store: Store, folder: Path, campaign: str | None = None) -> UpgradeRun:
    """Give a run of a plan that says nothing."""
    return UpgradeRun(
        plan,
        store,
        this_run(),
        Selection(),
        rehearsal=False,
        say=lambda _line: None,
        folder=str(folder),
        begun=campaign,
    )


def calls_of(work: Callable[[], Any]) -> int:
    """Count the calls of functions that some work makes."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def seconds_of(work: Callable[[], Any]) -> float:
    """Tell the seconds of the processors that some work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def prepare(folder: Path, hosts: int) -> Path:
    """Write the plan of a fleet; gives its folder."""
    members = write_site(folder, hosts, SERVICES)
    services = find_services([RoleFolder(folder / "roles")])
    return write_plan(compile_plan(read_deployments(services, members), {}), services, folder / "plan").parent


def do(journal: Journal, plays: tuple[Play, ...]) -> None:
    """Record that some plays are done."""
    for play in plays:
        parts = {play.part(name): hosts for name, hosts in play.services.items()}
        journal.record(DONE, play.id, parts, "2026-01-01T00:00:00+00:00")


def measure(hosts: int) -> dict[str, float]:
    """Upgrade half of a fleet, and measure the two waves in the middle: one in seconds, one in calls."""
    with tempfile.TemporaryDirectory() as name:
        folder = prepare(Path(name), hosts)
        plan = read_plan(folder)
        waves = [at for at, play in enumerate(plan.plays) if play.kind == "change"]
        middle = waves[len(waves) // 2]
        with closing(open_store(f"sqlite://{name}/store.db")) as store:
            state = state_of(folder, lambda: time.time() + 60)  # as if it was written a while ago
            campaign = str(upgrade_of(plan, store, folder).open()["campaign"])
            do(Journal(store, campaign, this_run()), plan.plays[:middle])

            def enter(play: Play) -> None:
                plan = read_unchanged(folder, state) or read_plan(folder)
                upgrade_of(plan, store, folder, campaign).enter(play.id, play.hosts, wait=0)

            def finish(play: Play) -> None:
                plan = read_unchanged(folder, state) or read_plan(folder)
                upgrade_of(plan, store, folder, campaign).finish(play.id, play.hosts)

            first, second = plan.plays[middle : middle + 2]
            return {
                "plays": len(plan.plays),
                "enter": seconds_of(lambda: enter(first)),
                "finish": seconds_of(lambda: finish(first)),
                "enter calls": calls_of(lambda: enter(second)),
                "finish calls": calls_of(lambda: finish(second)),
            }


def main(sizes: list[int]) -> int:
    """Print a table; tells whether the goal is met."""
    print(f"{'hosts':>8}{'plays':>8}{'enter':>10}{'calls':>12}{'finish':>10}{'calls':>12}")
    slowest = 0.0
    for hosts in sizes:
        took = measure(hosts)
        print(
            f"{hosts:8,}{took['plays']:8,}{took['enter']:8.2f} s{took['enter calls']:12,}"
            f"{took['finish']:8.2f} s{took['finish calls']:12,}",
            flush=True,
        )
        slowest = max(took["enter"], took["finish"])
    met = slowest <= SECONDS
    print(f"Goal for a gate with the most hosts: {SECONDS} s: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main([int(each) for each in sys.argv[1:]] or list(SIZES)))
