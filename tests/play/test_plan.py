"""The playbook plan, and upgrades that run only what was approved."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import read_seconds
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store

from .toys import one_service, say

if TYPE_CHECKING:
    from pathlib import Path

    from .toys import Outcome, Site

NOTHING: list[str] = []


def two_services(site: Site) -> None:
    """A database, and after it a web server on two hosts, whose package has a newer version."""
    site.groups(db="d1", web="w1 w2")
    site.service("db", "3", packages=["db-server"])
    site.service("web", "0 1 3", packages=["web-server", "web-common"], after=["db"])
    site.package("db-server", "5", "5")
    site.package("web-server", "1.0", "1.1")
    site.package("web-common", "1.0", "1.1")


def planned(site: Site) -> dict[str, Any]:
    """Make the plan and give what plan.json holds."""
    outcome = site.make_plan()
    assert outcome.code == 0, outcome.raw
    return site.plan()


def approve(site: Site, approved: str, *arguments: str) -> Outcome:
    return site.upgrade("-e", f"upgrade_approved_plan={approved}", *arguments)


# --- What it writes and says ---


def test_the_plan_names_installed_and_candidate_versions_and_nothing_is_changed(site: Site) -> None:
    two_services(site)
    site.package("web-server", "0.9", "1.1", host="w2")
    outcome = site.make_plan()
    assert outcome.code == 0, outcome.raw
    assert outcome.log == NOTHING
    assert not site.store.parent.exists()
    plan = site.plan()
    assert plan["survey"] == {
        "missing": [],
        "services": {
            "db": [{"package": "db-server", "installed": "5", "candidate": "5", "hosts": ["d1"]}],
            "web": [
                {"package": "web-common", "installed": "1.0", "candidate": "1.1", "hosts": ["w1", "w2"]},
                {"package": "web-server", "installed": "0.9", "candidate": "1.1", "hosts": ["w2"]},
                {"package": "web-server", "installed": "1.0", "candidate": "1.1", "hosts": ["w1"]},
            ],
        },
    }
    (folder,) = site.plan_folders
    assert folder.name == plan["hash"][:16]
    assert "0.9" in (folder / "plan.html").read_text()


def test_the_plan_names_hosts_out_of_service_and_upgrade_makes_the_same(site: Site) -> None:
    one_service(site, "w1 w2 w3 w4", steps="3", max_unavailable="50%")
    site.lock("state=out_of_service services=web hosts=w4 reason='no power'")
    outcome = site.make_plan()
    assert "1 service on 4 hosts, 4 waves" in outcome.text
    assert "Out of service, and not in the base of a percentage: w4 of web." in outcome.text
    made = site.plan()["id"]
    shutil.rmtree(site.plan_folders[0])
    assert site.upgrade("--list-hosts").code == 0
    assert site.plan()["id"] == made


def test_the_summary_fits_on_a_screen_and_ends_with_what_to_type(site: Site) -> None:
    two_services(site)
    outcome = site.make_plan()
    plan_hash = site.plan()["hash"]
    said = [line for line in outcome.raw.splitlines() if line and not line.startswith(("PLAY", "TASK"))]
    begin = next(number for number, line in enumerate(said) if line.startswith("Plan "))
    (folder,) = site.plan_folders
    assert said[begin : begin + 11] == [
        f"Plan {plan_hash[:16]}: 2 services on 3 hosts, 3 waves",
        "Wave 1 of 3: d1 (db); down meanwhile: db",
        "Wave 2 of 3: w1 (web)",
        "Wave 3 of 3: w2 (web)",
        "SERVICE  STAGE    HOSTS  AT ONCE  WAVES  OUTAGE          PACKAGES",
        "db       default  1      1        1      is down         up to date",
        "web      default  2      1        2-3    others stay up  web-common 1.0 → 1.1 on 2 hosts, "
        "web-server 1.0 → 1.1 on 2 hosts",
        "Packages are never rolled back.",
        "Phased updates are no exception: apt-get install takes what apt-get upgrade may keep back.",
        f"To review: {folder}/plan.html",
        f"To approve: ansible-playbook -i hosts.yml -e orderly_store=sqlite://{site.store} orderly.services.upgrade "
        f"-e upgrade_approved_plan={plan_hash}",
    ]


def test_a_host_that_does_not_answer_is_named_and_stops_an_approved_plan(site: Site) -> None:
    two_services(site)
    site.goes_away("w2")
    outcome = site.make_plan()
    assert "Not surveyed: w2: " in outcome.text
    assert "w2 is away" in outcome.text
    assert site.plan()["survey"]["missing"] == ["w2"]
    approved = approve(site, site.plan()["hash"])
    assert approved.code != 0
    assert "w2 could not be queried: " in approved.text
    assert approved.log == NOTHING


# --- What was approved runs, and nothing else ---


def test_the_approved_plan_runs(site: Site) -> None:
    two_services(site)
    outcome = approve(site, planned(site)["hash"])
    assert outcome.code == 0, outcome.raw
    assert outcome.log[:4] == ["web w1 look", "web w2 look", "web w1 prepare", "web w2 prepare"]
    assert outcome.log[4:] == ["db d1 install", "web w1 install", "web w2 install"]


def test_an_approved_plan_that_is_done_is_as_it_shall_be_and_no_host_is_contacted_again(site: Site) -> None:
    two_services(site)
    approved = planned(site)["hash"]
    assert approve(site, approved).code == 0
    for name in ("web-server", "web-common"):
        site.package(name, "1.1", "1.1")
    (site.folder / "contacts").unlink()
    again = approve(site, approved)
    assert again.code == 0, again.raw
    assert again.log == NOTHING
    assert not (site.folder / "contacts").exists()
    assert "nothing is repeated. To begin anew, name a new campaign: -e upgrade_campaign=NAME" in again.text


def test_another_candidate_is_listed_and_nothing_is_touched(site: Site) -> None:
    two_services(site)
    approved = planned(site)["hash"]
    site.package("web-server", "1.0", "1.2", host="w2")
    for more in ("--diff", "--check"):
        outcome = approve(site, approved, more)
        assert outcome.code != 0
        assert "web-server of web: 1.1 was approved, but apt would now install 1.2 (w2)" in outcome.text
        assert (
            "Make the plan again with orderly.services.plan, read it, and approve its hash." in outcome.text
        )
        assert outcome.log == NOTHING


def test_drift_of_inventory_roles_and_settings_is_listed_and_nothing_is_touched(site: Site) -> None:
    two_services(site)
    approved = planned(site)["hash"]
    site.groups(db="d1", web="w1 w2 w3", cache="w1")
    site.service("cache", "3")
    site.write("group_vars/web.yml", "web_max_unavailable: 2\n")
    with (site.folder / "roles/web/tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write("# one more line\n")
    outcome = approve(site, approved)
    assert outcome.code != 0
    for words in (
        "service cache: was not there, is deployed on w1",
        "service web, host w3: was not there, is in it",
        "service web, max_unavailable: was 1, is 2",
        "service web, role's file tasks/upgrade_tasks.yml: was ",
    ):
        assert words in outcome.text
    assert not site.store.parent.exists()


def test_a_newer_version_that_appears_on_the_way_stops_before_the_wave(site: Site) -> None:
    two_services(site)
    approved = planned(site)["hash"]
    site.sticks("db d1 install")
    process = site.start("-e", f"upgrade_approved_plan={approved}")
    site.wait_until("db d1 install")
    site.package("web-server", "1.0", "1.2")
    site.is_mended()
    output, _nothing = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "web-server of web: 1.1 was approved, but apt would now install 1.2 (w1)" in " ".join(
        output.split()
    )
    assert "web w1 install" not in site.log


def test_an_approved_plan_resumes_without_asking_hosts_that_are_done(site: Site) -> None:
    two_services(site)
    approved = planned(site)["hash"]
    site.breaks("web w2 install")
    assert approve(site, approved).code != 0
    for name in ("web-server", "web-common"):
        site.package(name, "1.1", "1.1", host="w1")
    site.is_mended()
    (site.folder / "contacts").unlink()
    again = approve(site, approved)
    assert again.code == 0, again.raw
    assert again.log == ["web w2 install"]
    assert site.contacts == {"w2"}


def test_an_edited_plan_is_not_the_approved_one(site: Site) -> None:
    two_services(site)
    approved = planned(site)["hash"]
    (folder,) = site.plan_folders
    file = folder / "plan.json"
    file.write_text(file.read_text().replace('"candidate": "1.1"', '"candidate": "1.2"'))
    outcome = approve(site, approved)
    assert outcome.code != 0
    assert f"{file} was edited after it was made" in outcome.text
    assert outcome.log == NOTHING


def test_an_approved_plan_is_found_where_it_was_put_and_kept_there(site: Site, tmp_path: Path) -> None:
    two_services(site)
    assert site.make_plan("-e", "upgrade_plan_dir=friday").code == 0
    plan = json.loads((tmp_path / "friday/plan.json").read_text())
    assert site.upgrade("-e", "upgrade_plan_dir=friday", "--list-tasks").code == 0
    assert json.loads((tmp_path / "friday/plan.json").read_text()) == plan
    assert approve(site, plan["hash"], "-e", "upgrade_plan_dir=friday", "--check").code == 0
    assert approve(site, plan["hash"], "--check").code != 0


# --- Order by versions ---


def test_an_order_that_depends_on_versions_is_decided_by_the_survey(site: Site) -> None:
    site.groups(db="d1", web="w1")
    site.service("db", "3", packages=["db-server"])
    site.package("db-server", "5.9", "6.0")
    condition = {"package": "db-server", "installed": "<< 5.10"}
    site.service("web", "3", after=[{"service": "db", "when": condition}])
    unknown = site.upgrade()
    assert unknown.code != 0
    assert (
        "service.yml:1: after: db (when db-server installed << 5.10): the versions of db-server are"
        in unknown.text
    )
    outcome = site.make_plan()
    assert "Order: web comes after db: db-server installed << 5.10 holds." in outcome.text, outcome.raw
    approved = site.plan()["hash"]
    assert approve(site, approved).log == ["db d1 install", "web w1 install"]
    site.package("db-server", "5.10", "6.0")
    assert (
        "Order: web does not have to come after db: db-server installed << 5.10 does not"
        in site.make_plan().text
    )


# --- How long it takes ---


def test_a_plan_says_how_long_it_took_the_last_time_and_needs_no_store(site: Site) -> None:
    site.groups(db="d1 d2")
    site.service("db", "3", packages=["db"])
    site.package("db", "1.0", "1.1")
    first = site.make_plan()
    assert "It takes" not in first.text
    assert not site.store.parent.exists()
    run = site.upgrade()
    assert run.code == 0
    assert "Wave 1 of 2: db on d1 (to the end" not in run.text  # nobody knows yet
    assert "Wave 2 of 2: db on d2 (to the end: about 1 minute, going by last time)" in run.text
    assert "It takes about 1 minute, going by last time." in site.make_plan().text


def waits(step: str, seconds: float) -> str:
    tags = f", tags: step{step}" if step else ""
    return f"- {{name: Wait, ansible.builtin.raw: sleep {seconds}{tags}}}\n"


def test_the_journal_knows_how_long_each_step_took(site: Site) -> None:
    site.groups(db="d1 d2", web="w1")
    site.service("db", "", parts="drain")
    site.write("roles/db/tasks/upgrade_tasks.yml", waits("2", 1.5) + waits("3", 0) + waits("0", 0))
    site.write("roles/db/tasks/verify.yml", waits("", 1.5))
    site.service("web", "3")
    assert site.upgrade().code == 0
    with closing(open_store(f"sqlite://{site.store}")) as store:
        took = read_seconds(store)
    assert took.keys() == {"db/validate", "db/change", "db/step2", "db/step3", "web/change", "web/step3"}
    assert took["db/step2"] >= 1.5 > took["db/step3"]
    assert took["db/change"] >= took["db/step2"] + 1.5


# --- Versions before, and versions that finalizers rely on ---


def with_a_finalizer(site: Site) -> None:
    """Two services; the database is finalized when both are upgraded."""
    two_services(site)
    site.write("roles/db/tasks/finalize.yml", say("db", "finalize"))


def test_the_versions_before_are_kept_and_told(site: Site) -> None:
    two_services(site)
    site.package("web-server", "0.9", "1.1", host="w2")
    site.breaks("web w2 install")
    assert site.upgrade().code != 0
    site.package("web-server", "1.1", "1.1", host="w2")  # half of its work was done
    site.is_mended()
    assert site.upgrade().code == 0
    campaign = f"{site.plan()['id'][:16]}-1"
    told = site.upgrade("-e", f"campaigns_name={campaign}", playbook="orderly.services.campaigns")
    assert "before, db: db-server 5 " in told.text
    assert "before, web: web-common 1.0, web-server 0.9 (1 of 2 hosts), web-server 1.0 (1 of 2" in told.text
    unknown = site.upgrade("-e", "campaigns_name=monday", playbook="orderly.services.campaigns")
    assert f'There is no campaign "monday"; there are: {campaign}.' in unknown.text


def test_nothing_is_finalized_while_a_host_has_older_packages_than_the_journal_says(site: Site) -> None:
    with_a_finalizer(site)
    assert site.upgrade("--limit", "d1").code == 0
    site.package("web-server", "1.1", "1.1")  # as if the upgrade had brought it
    limited = site.upgrade("--limit", "w1,w2")
    assert "db d1 finalize" not in limited.log
    site.package("web-server", "1.0", "1.1", host="w2")  # restored from a backup
    outcome = site.upgrade()
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert "web-server of web on w2 is 1.0, expected 1.1 or newer, as it was after its change" in outcome.text
    assert "finalizers of db wait" in site.upgrade(playbook="orderly.services.campaigns").text
    site.package("web-server", "1.2", "1.2", host="w2")
    assert site.upgrade().log == ["db d1 finalize"]


def test_a_finalizer_stays_open_where_a_limit_leaves_out_hosts_whose_versions_count(site: Site) -> None:
    with_a_finalizer(site)
    site.breaks_once("db d1 finalize")
    assert site.upgrade().code != 0
    limited = site.upgrade("--limit", "d1")
    assert limited.code == 0
    assert limited.log == NOTHING
    assert (
        "Finalize db (1 of 1) stays open until this is done: w1: its versions were not checked"
        in limited.text
    )
    passed_over = site.upgrade("--start-at-task", "finalize-db-1 | Pass the gate")
    assert "this run has not checked that the hosts still have the versions" in passed_over.text
    assert site.upgrade().log == ["db d1 finalize"]
