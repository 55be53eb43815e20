"""An etcd that is hurt while a roll goes on: its leader dies, or only a minority of its members is left."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.faults.part import only_with_all
from ansible_collections.orderly.services.tests.faults.ssh_site import SshSite

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

HOSTS = ("h1", "h2", "h3", "h4")


@pytest.fixture
def site(hosts: Hosts, etcd: Etcd, tmp_path: Path) -> SshSite:
    site = SshSite(tmp_path, hosts, HOSTS, store=etcd.url())
    site.clear()
    site.hang()
    return site


@only_with_all
def test_a_roll_goes_on_when_the_leader_of_etcd_is_killed(site: SshSite, etcd: Etcd) -> None:
    run = site.begin(log="run.log")
    site.wait_until_down(2, run)
    leader = etcd.leader()
    assert leader
    leader.kill()

    site.let_go()
    assert run.wait() == 0, site.said("run.log")
    words, broken = site.judge({"web": 2})
    assert (words, broken) == (["web: 4 disruptions of 4 hosts, 2 at once, budget 2"], [])
    assert etcd.leader() is not leader


def test_a_minority_of_etcd_lets_nothing_begin_and_the_next_run_resumes(site: SshSite, etcd: Etcd) -> None:
    run = site.begin(log="run.log")
    begun = site.wait_until_down(2, run)
    for member in etcd.members[:2]:
        member.kill()

    site.let_go()
    others = ",".join(sorted({*HOSTS} - {*begun}))
    for said in (site.roll("--limit", others), f"{site.said('run.log')} status={run.wait()}"):
        assert "none of its endpoints works" in said
        assert "Nothing is disrupted without the store: bring a majority of the etcd members back" in said
        assert "status=0" not in said
    assert site.down() == begun

    etcd.start()
    assert "status=0" in site.roll()
    words, broken = site.judge({"web": 2})
    assert not broken
    assert "of 4 hosts, 2 at once" in words[0]
    assert site.slots() == []


@only_with_all
def test_a_member_that_hangs_is_passed_over(site: SshSite, etcd: Etcd) -> None:
    leader = etcd.leader()
    assert leader
    leader.signal(signal.SIGSTOP)
    site.let_go()
    assert "status=0" in site.roll()
    (words,), broken = site.judge({"web": 2})
    # Hosts of a wave go on by themselves, so two that do not wait for anything need not be down at once.
    assert not broken
    assert re.fullmatch(r"web: 4 disruptions of 4 hosts, [12] at once, budget 2", words)
