"""Prove service roles on real clusters of Debian's packages; ``make test-services`` plays all.

Each cluster is upgraded, restarted and rebooted while a client uses it all the time, and loses a host in the middle.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.faults.hosts import ROOT, Hosts
from ansible_collections.orderly.services.tests.services import cluster
from ansible_collections.orderly.services.tests.services.stage import ServiceError, Stage
from ansible_collections.orderly.services.tests.services.story import Story
from ansible_collections.orderly.services.tests.services.table import with_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.orderly.services.tests.services.table import Row

KEPT = ROOT / ".build/services"
PAGE = ROOT / "docs/shipped-services.md"
DAY_SECONDS = 86400


def prove(name: str, fleet: str, *, short: bool, keep: bool) -> Row:
    """Prove one service on a cluster of its own, or its upgrade alone; *keep* leaves the hosts up where it fails."""
    given, folder = cluster.read(name), KEPT / name
    shutil.rmtree(folder, ignore_errors=True)
    hosts = Hosts(fleet, given.all_hosts, given.suite)
    failed = True
    try:
        hosts.up()
        row = Story(Stage(given, hosts, folder), say).tell(short=short)
        failed = False
        return row
    finally:
        if not (failed and keep):
            hosts.__exit__()


def say(text: str) -> None:
    """Print it at once."""
    print(text, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Prove what was asked for; the exit status is 1 where a service has failed."""
    parser = argparse.ArgumentParser(prog="services", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="SERVICE", help=f"of {', '.join(cluster.names())}; else all"
    )
    parser.add_argument(
        "--today", action="store_true", help="the upgrade of one service, another one each day"
    )
    parser.add_argument("--write", action="store_true", help="write the rows into docs/shipped-services.md")
    parser.add_argument("--keep", action="store_true", help="leave the hosts of a service up that failed")
    options = parser.parse_args(arguments)
    if unknown := sorted({*options.names} - {*cluster.names()}):
        parser.error(f"no cluster of: {', '.join(unknown)}; there are: {', '.join(cluster.names())}")
    wanted = options.names or cluster.names()
    if options.today:
        wanted = [wanted[int(time.time()) // DAY_SECONDS % len(wanted)]]
    failed = []
    for name in wanted:
        try:
            row = prove(name, os.environ.get("FLEET", "services"), short=options.today, keep=options.keep)
        except (ServiceError, AssertionError) as exc:
            say(f"✗ {exc}\n  What runs said is in {KEPT / name}.")
            failed.append(name)
            continue
        say(str(row))
        if options.write and not options.today:
            PAGE.write_text(with_row(PAGE.read_text(encoding="utf-8"), row), encoding="utf-8")
    say(f"services: {len(wanted) - len(failed)} proven, {len(failed)} failed {' '.join(failed)}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
