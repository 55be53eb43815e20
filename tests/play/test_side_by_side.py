"""Any number of runs upgrade a fleet side by side, each on hosts of its own, as one run would."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from .toys import NOTHING, Site

if TYPE_CHECKING:
    import subprocess

EACH = ("look", "stop", "install", "start", "verify", "finalize")


@pytest.fixture
def fleet(site: Site) -> Site:
    """Two databases, and after them four web servers with packages, of which one may be down at a time."""
    site.groups(db="d1 d2", web="w1 w2 w3 w4")
    site.service("db", "3")
    site.service("web", "0 2 3 5", parts="verify finalize", after=["db"], packages=["web"])
    site.package("web", "1.1", "1.1")
    return site


def halves(fleet: Site) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Begin with one half of the fleet, which sticks at the first database, and then with the other."""
    fleet.sticks("db d1 install")
    one = fleet.start("--limit", "d1,d2,w1,w2")
    fleet.wait_until("db d1 install")
    other = fleet.start("--limit", "w3,w4")
    fleet.wait_until("web w4 look")
    return one, other


def ended(*processes: subprocess.Popen[str]) -> list[tuple[int, str]]:
    return [
        (process.returncode, " ".join(output.split()))
        for process in processes
        for output in [process.communicate(timeout=300)[0]]
    ]


def test_two_runs_do_together_what_one_does(fleet: Site) -> None:
    one, other = halves(fleet)
    fleet.is_mended()
    outcomes = ended(one, other)
    assert [code for code, _text in outcomes] == [0, 0], outcomes
    hosts = ("w1", "w2", "w3", "w4")
    assert Counter(fleet.log) == Counter(
        ["db d1 install", "db d2 install", *(f"web {host} {step}" for host in hosts for step in EACH)]
    )
    changes = [said.split() for said in fleet.log if said.startswith("web") and "finalize" not in said]
    visits = [host for _web, host, step in changes if step != "look"]
    assert len([host for host, before in zip(visits, ["", *visits], strict=False) if host != before]) == 4
    assert fleet.log[-4:] == sorted(fleet.log[-4:], key=lambda said: "finalize" not in said)
    assert sum("The upgrade is complete" in text for _code, text in outcomes) >= 1
    assert fleet.slots == []


def test_a_gate_says_for_whom_it_waits(fleet: Site) -> None:
    one, other = halves(fleet)
    listed = fleet.upgrade(playbook="orderly.services.campaigns").text
    fleet.is_mended()
    _first, (_code, text) = ended(one, other)
    who = f"PID {one.pid} on "
    assert f"waits for what {who}" in text, text
    assert "(hosts d1, d2, w1, w2) does: change of db on d1 (wave-1: started " in text, text[
        text.index("waits for what") :
    ][:300]
    assert f"{who}" in listed
    assert f"PID {other.pid} on " in listed


def test_what_another_run_failed_to_do_is_not_waited_for(fleet: Site) -> None:
    one, other = halves(fleet)
    fleet.breaks("db d1 install")
    (fleet.folder / "stuck/db d1 install").unlink()
    (first, _text), (second, text) = ended(one, other)
    assert (first, second) == (2, 2)
    assert "Must be done first: change of db on d1" in text
    assert [said for said in fleet.log if "stop" in said] == NOTHING
    fleet.is_mended()
    assert fleet.upgrade().code == 0


def test_runs_that_share_a_host_do_not_work_side_by_side(fleet: Site) -> None:
    one, other = halves(fleet)
    refused = fleet.upgrade("--limit", "w2,w3")
    assert refused.code != 0
    assert "Another run is working on campaign" in refused.text
    assert "on the same services and hosts" in refused.text
    assert f"PID {one.pid} on " in refused.text
    assert refused.log == NOTHING
    fleet.is_mended()
    assert [code for code, _text in ended(one, other)] == [0, 0]


def test_services_are_shared_out_as_hosts_are(fleet: Site) -> None:
    fleet.sticks("db d2 install")
    one = fleet.start("-e", "upgrade_only=db")
    fleet.wait_until("db d2 install")
    other = fleet.start("-e", "upgrade_only=web")
    fleet.wait_until("web w4 look")
    fleet.is_mended()
    assert [code for code, _text in ended(one, other)] == [0, 0]
    assert [said.split()[0] for said in fleet.log if "install" in said] == ["db", "db", *["web"] * 4]
    assert fleet.log[-1].endswith("finalize")
