"""Controllers that are killed in the middle of a wave, with clocks that are wrong by an hour.

The hosts' own logs tell that the budget was never exceeded, and that the next run has finished the roll.
"""

from __future__ import annotations

import signal
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import held_slots
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.faults.clocks import at
from ansible_collections.orderly.services.tests.faults.part import chosen, only_with_all
from ansible_collections.orderly.services.tests.faults.ssh_site import SshSite, end

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

HOSTS = ("h1", "h2", "h3", "h4")
HALF = timedelta(minutes=30)
KILLS = [
    (signal.SIGINT, "sqlite"),
    (signal.SIGTERM, "sqlite"),
    (signal.SIGKILL, "sqlite"),
    (signal.SIGKILL, "etcd"),
]


def granted_at(store: str) -> datetime:
    """Tell when, by its own clock, the controller that holds the slots said it was."""
    with closing(open_store(store)) as opened:
        return datetime.fromisoformat(held_slots(opened)[0].holder.since)


@pytest.mark.parametrize(("number", "kind"), chosen(KILLS, -1), ids=lambda each: getattr(each, "name", each))
def test_a_killed_controller_leaves_its_hosts_counted_and_the_next_run_finishes(
    number: signal.Signals, kind: str, hosts: Hosts, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue("etcd").url() if kind == "etcd" else ""
    site = SshSite(tmp_path, hosts, HOSTS, store=store)
    site.clear()
    site.hang()
    run = site.begin(log="killed.log", **at("+1h"))
    left_behind = site.wait_until_down(2, run)
    end(run, number)
    assert granted_at(site.store) - datetime.now().astimezone() > HALF

    others = ",".join(sorted({*HOSTS} - {*left_behind}))
    refused = site.roll("--limit", others, **at("-1h"))
    assert "The disruption budget of web is spent by hosts that did not finish" in refused
    assert site.down() == left_behind

    site.let_go()
    assert "status=0" in site.roll()
    words, broken = site.judge({"web": 2})
    assert not broken
    assert "of 4 hosts, 2 at once" in words[0]
    assert site.slots() == []


@only_with_all
def test_a_controller_killed_while_it_waits_leaves_nothing_behind(hosts: Hosts, tmp_path: Path) -> None:
    site = SshSite(tmp_path, hosts, HOSTS)
    site.clear()
    site.hang()
    first = site.begin("--limit", "h1,h2", log="first.log")
    site.wait_until_down(2, first)
    waits = site.begin("--limit", "h3,h4", log="waits.log")
    site.wait_until_said("waiting for", waits, log="waits.log")
    end(waits, signal.SIGKILL)

    site.let_go()
    assert first.wait() == 0
    site.wait_until_gone()
    assert site.slots() == []
    assert site.judge({"web": 2}) == (["web: 2 disruptions of 2 hosts, 2 at once, budget 2"], [])
