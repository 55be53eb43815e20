"""Real plays under the rolling lock: what they touch, what they leave, and what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.faults.cells import HOSTS
from ansible_collections.orderly.services.tests.faults.local_site import Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_sound_roll_visits_every_host_and_leaves_no_slot(site: Site) -> None:
    site.write("none", "2")
    output = site.play()
    assert "failed=0" in output
    assert site.touched == list(HOSTS)
    assert site.slots() == []


def test_the_next_run_takes_over_the_host_that_failed(site: Site) -> None:
    site.write("unreachable", "1")
    site.play()
    assert site.slots() == ["h1"]
    site.write("none", "1")
    assert "unreachable=0 failed=0" in site.play()
    assert site.touched == ["h1", *HOSTS]
    assert site.slots() == []


def test_the_next_run_without_the_hosts_that_failed_is_refused_where_they_spend_the_budget(
    site: Site,
) -> None:
    site.write("all failed", "2")
    site.play()
    site.write("none", "2")
    output = site.play("--limit", "h3,h4")
    assert "The disruption budget of web is spent by hosts that did not finish: h1 has held a slot" in output
    assert site.touched == ["h1", "h2"]


def test_a_second_failure_domain_is_not_touched_while_a_host_of_another_is_down(site: Site) -> None:
    racks = ", ".join(f"h{n}: {{orderly_failure_domain: {rack}}}" for n, rack in enumerate("aabb", 1))
    inventory = site.folder / "inventory.yml"
    inventory.write_text(inventory.read_text().replace("h1: , h2: , h3: , h4: ", racks))
    site.write("failed", "1")
    site.play()
    site.write("none", "1")
    output = site.play("--limit", "h3,h4")
    assert "Only one failure domain of web may be disrupted at a time, and another one has hosts" in output
    assert site.touched == ["h1"]

    site.write("none", "2")
    output = site.play("--limit", "h2,h3")
    assert "would disrupt several failure domains: h2 in a, h3 in b." in output
    assert site.touched == ["h1"]


def test_a_killed_controller_leaves_its_host_named_until_it_is_forced_with_a_reason(site: Site) -> None:
    site.write("hangs", "2")
    running = site.start()
    site.wait_until_touched(2)
    running.kill()
    running.wait()
    site.write("none", "2")
    assert "did not finish: h1 has held a slot of web" in site.play("--limit", "h3,h4")
    site.force("web", reason="")
    assert "A forced release needs a reason" in site.play()
    site.force("web", reason="looked at it, it is fine")
    site.play()
    assert site.slots() == []
    site.write("none", "2")
    assert "failed=0" in site.play("--limit", "h3,h4")


def test_two_playbooks_share_one_budget_and_the_second_tells_whom_it_waits_for(site: Site) -> None:
    site.write("waits for a sign", "2")
    first = site.start("--limit", "h1,h2")
    site.wait_until_touched(2)
    site.write("none", "2")
    second = site.start("--limit", "h3,h4")
    told = next(line for line in second.stdout or () if "rolling_lock: waiting" in line)
    assert "waiting for 0 s of 3600 s: h1 has held a slot of web since" in told
    (site.folder / "sign").touch()
    output, _nothing = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert output.count("failed=0") == 2
    assert site.touched == list(HOSTS)


def test_check_mode_takes_nothing_and_reports_a_busy_lock_without_failing(site: Site) -> None:
    site.write("none", "2")
    assert "failed=0" in site.play("--check")
    assert not (site.folder / "store.db").exists()
    site.write("all failed", "2")
    site.play()
    before = (site.folder / "store.db").read_bytes()
    site.write("none", "2")
    output = site.play("--check", "--limit", "h3,h4")
    assert "The slots would not be granted now: The disruption budget of web is spent" in output
    assert "failed=0" in output
    assert (site.folder / "store.db").read_bytes() == before


@pytest.mark.parametrize("fault", ["none", "failed", "unreachable"])
def test_with_strategy_free_one_host_asks_for_all_and_no_batch_begins_after_a_fault(
    site: Site, fault: str
) -> None:
    site.write(fault, "2")
    site.go_free()
    output = site.play()
    if fault == "none":
        assert site.touched == list(HOSTS)
        assert site.slots() == []
    else:
        assert set(site.touched) == {"h1", "h2"}
        assert "did not finish: h1 has held a slot of web" in output
        assert re.search("h[34] gets no slots either: see the message of h[34]", output)


MISTAKES = [
    ("run_once: true", "run_once: false", "add run_once: true"),
    ("services: web", "state: released, shared: true", "shared works only with state=acquired"),
    ("serial: 2", "serial: 2\n  strategy: free", "which strategy free cannot do"),
    ("serial: 2", "serial: 3", "A wave of 3 hosts of web (h1, h2, h3) is more than its budget"),
    ("services: web", "services: web, hosts: [h9]", "The inventory has no host h9"),
    ("services: web", "services: 5", "services must be a list of names"),
    ("services: web", "services: {h1: [wbe]}", 'unknown service "wbe"'),
    ("services: web", "services: wbe", 'unknown service "wbe"; this inventory has: web'),
    ("services: web", "services: web, store: 'nfs://x'", '"nfs://x" is not a store address'),
    (
        "services: web",
        "services: web, store: 'sqlite:///proc/x/store.db'",
        "The store /proc/x/store.db cannot be used",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_named_before_any_host_is_touched(
    site: Site, right: str, wrong: str, message: str
) -> None:
    site.write("none", "2")
    site.edit(right, wrong)
    assert message in site.play()
    assert site.touched == []
