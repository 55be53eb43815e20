"""Bundles: services of a host that share a package, or were written for TripleO, change together there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .toys import NOTHING, in_order, say

if TYPE_CHECKING:
    from .toys import Site

BEFORE_AND_AFTER = ("look", "prepare", "check")


def nova(site: Site, **settings: object) -> None:
    """Write an API and a scheduler that share a package; the scheduler comes after the API."""
    site.groups(api="h1 h2", sched="h1 h2")
    parts = "drain undrain verify"
    site.service("api", "0 1 2 3 4 5 6", parts, packages=["nova-api", "python3-nova"], **settings)
    site.service("sched", "0 1 2 3 4 5 6", parts, packages=["python3-nova:all"], after=["api"], **settings)


def on(host: str, log: list[str]) -> list[str]:
    """Give what was done on a host in waves: the service, and what it did."""
    said = [line.split() for line in log]
    return [f"{name} {what}" for name, where, what in said if where == host and what not in BEFORE_AND_AFTER]


TOGETHER = [
    "sched drain", "sched stop", "api drain", "api stop", "api install", "sched install", "api migrate",
    "sched migrate", "api start", "sched start", "api verify", "sched verify", "api undrain", "sched undrain",
]  # fmt: skip


def test_services_that_share_a_package_change_together_step_by_step(site: Site) -> None:
    nova(site)
    outcome = site.upgrade()
    assert outcome.code == 0, outcome.raw
    assert [on("h1", outcome.log), on("h2", outcome.log)] == [TOGETHER, TOGETHER]
    assert in_order(outcome.log, "sched h1 undrain", "sched h2 drain")
    assert in_order(outcome.log, "sched h2 undrain", "api h1 check", "sched h1 check")


def test_none_of_them_starts_before_the_migrations_that_run_once(site: Site) -> None:
    site.groups(api="h1 h2", sched="h1 h2")
    for name in ("api", "sched"):
        role = site.service(name, "2 3 5", bundle="nova", max_unavailable=2)
        with (role / "tasks/upgrade_tasks.yml").open("a") as tasks:
            tasks.write("\n" + say(name, "migrate", "  run_once: true", "  tags: step4"))
    site.breaks("sched h1 migrate")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert not [said for said in outcome.log if said.endswith("start")]
    assert "The migration of sched failed on h1, so sched does not start on h2" in outcome.text
    assert sorted(site.slots) == ["api h1", "api h2", "sched h1", "sched h2"]

    site.is_mended()
    again = site.upgrade()
    assert again.code == 0, again.raw
    assert [said for said in again.log if said.endswith("migrate")] == ["api h1 migrate", "sched h1 migrate"]
    assert in_order(again.log, "api h2 install", "sched h1 migrate", "api h1 start")


def test_a_host_holds_all_slots_until_the_last_of_them_is_well_and_is_repeated_as_a_whole(site: Site) -> None:
    nova(site)
    site.breaks("sched h1 verify")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert on("h1", outcome.log) == TOGETHER[: TOGETHER.index("sched verify") + 1]
    assert sorted(site.slots) == ["api h1", "sched h1"]
    assert on("h2", outcome.log) == NOTHING

    site.is_mended()
    again = site.upgrade()
    assert again.code == 0, again.raw
    assert [on("h1", again.log), on("h2", again.log)] == [TOGETHER, TOGETHER]
    assert site.slots == []


def test_hosts_that_have_only_the_first_go_before_those_of_both_and_those_of_the_other_after(
    site: Site,
) -> None:
    nova(site)
    site.groups(api="h1 h2", sched="h2 h3")
    refused = site.upgrade("--limit", "h2")
    assert refused.code != 0
    assert refused.touched == set()
    assert "Must be done first: change of api on h1" in refused.text
    assert site.upgrade("--limit", "h1").touched == {"h1"}
    assert on("h2", site.upgrade("--limit", "h2").log) == TOGETHER
    rest = site.upgrade()
    again = [["api verify"], ["api verify", "sched verify"]]  # a resumed run looks at what is done
    assert [on(host, rest.log) for host in ("h1", "h2")] == again
    assert on("h3", rest.log) == [each for each in TOGETHER if each.startswith("sched")]


def test_services_written_for_tripleo_end_a_step_on_a_host_before_any_begins_the_next(site: Site) -> None:
    site.groups(ctl="c1 c2", haproxy="c1 c2")
    site.service("mysql", "0 2 3 4 5", group="ctl", dialect="tags")
    site.service("api", "2 3 5", group="ctl", dialect="tags", after=["mysql"])
    site.service("haproxy", "2 3 5")
    plain = [line for line in site.upgrade().log if "haproxy" not in line]
    changed = [
        "api stop",
        "mysql stop",
        "mysql install",
        "api install",
        "mysql migrate",
        "mysql start",
        "api start",
    ]
    assert [on(host, plain) for host in ("c1", "c2")] == [changed, changed]


def test_a_bundle_that_stops_everywhere_goes_step_by_step_on_all_its_hosts(site: Site) -> None:
    site.groups(api="h1 h2", sched="h2 h3")
    site.service("api", "2 3 5", "drain", bundle="nova", full_stop=True)
    site.service("sched", "2 3 5", "verify", bundle="nova", full_stop=True, after=["api"])
    site.breaks_once("sched h3 install")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert not [said for said in outcome.log if said.endswith("start")]
    assert "Step 3 (upgrade) failed on h3; the service stops on all its hosts together" in outcome.text
    again = site.upgrade()
    assert again.code == 0, again.raw
    steps = ["stop", "drain", "stop", "install", "install", "start", "start", "verify"]
    names = ["sched", "api", "api", "api", "sched", "api", "sched", "sched"]
    of = {"api": ("h1", "h2"), "sched": ("h2", "h3")}
    assert again.log == [
        f"{name} {host} {step}" for name, step in zip(names, steps, strict=True) for host in of[name]
    ]


REFUSALS = [
    (
        {"sched_after": ["mq"], "mq_after": ["api"]},
        "api and sched change together on the hosts that they share (package python3-nova). That cannot be, as others "
        "go between them (each after the next): api+sched → mq → api+sched. Remove one of these from after or "
        "requires: mq in",
    ),
    ({"sched_stage": "late"}, "but are in different stages: stage: default in"),
    ({"sched_full_stop": True}, "but not all of them stop everywhere: full_stop: false in"),
    (
        {"upgrade_only": ["api"]},
        "upgrade_only names api and not sched, which change together on the hosts that they share. Nothing was "
        "touched. Add what is missing: -e upgrade_only=api,sched.",
    ),
]


@pytest.mark.parametrize(("settings", "words"), REFUSALS)
def test_what_cannot_change_together_is_refused_by_name(
    site: Site, settings: dict[str, object], words: str
) -> None:
    nova(site)
    site.service("mq", "3", group="api")
    outcome = site.upgrade("-e", json.dumps(settings))
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert words in outcome.text


def test_a_bundle_is_listed(site: Site) -> None:
    nova(site)
    listed = site.upgrade(playbook="orderly.services.list_services")
    assert "api and sched change together on the hosts that they share (package python3-nova)" in listed.text
