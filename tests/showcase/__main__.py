"""Show what the collection is for on fourteen hosts: a shop that is upgraded and rebooted while its clients order.

It ends with a page of what the clients saw, and with status 0 only if no request has failed and nothing was lost.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.faults.hosts import ROOT, Hosts
from ansible_collections.orderly.services.tests.services.stage import ServiceError
from ansible_collections.orderly.services.tests.showcase import report
from ansible_collections.orderly.services.tests.showcase.story import Story, hosts_of, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = ROOT / ".build/showcase"
DOCS = ROOT / "docs/showcase.md"


def show(fleet: str, *, keep: bool) -> report.Report:
    """Build the shop, and tell its story; *keep* leaves the hosts up in the end."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    hosts = Hosts(fleet, [*hosts_of(parts()), "client"])
    begin = time.monotonic()
    try:
        hosts.up()
        say(f"{len(hosts.names)} hosts, in {time.monotonic() - begin:.0f} s")
        return Story(hosts, KEPT, say).tell()
    finally:
        if keep:
            say(f"The hosts stay up; remove them: tests/fleet/fleet --fleet {fleet} down")
        else:
            hosts.__exit__()


def say(text: str) -> None:
    """Print it at once."""
    print(text, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Show it; the exit status is 1 where something has failed or was lost."""
    parser = argparse.ArgumentParser(prog="showcase", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write what was measured into docs/showcase.md")
    parser.add_argument("--keep", action="store_true", help="leave the hosts up in the end")
    options = parser.parse_args(arguments)
    try:
        measured = show(os.environ.get("FLEET", "showcase"), keep=options.keep)
    except (ServiceError, AssertionError) as exc:
        say(f"✗ {exc}\n  What runs said is in {KEPT}.")
        return 1
    (KEPT / "page.html").write_text(report.as_page(measured), encoding="utf-8")
    (KEPT / "numbers.json").write_text(report.as_json(measured), encoding="utf-8")
    if options.write:
        DOCS.write_text(report.with_table(DOCS.read_text(encoding="utf-8"), measured), encoding="utf-8")
    for line in measured.sentences():
        say(f"  {line}")
    say(
        f"showcase: {'nobody noticed' if measured.is_clean else 'somebody noticed'}; the page: {KEPT / 'page.html'}"
    )
    return 0 if measured.is_clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
