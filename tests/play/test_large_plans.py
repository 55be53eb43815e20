"""Of a large plan Ansible reads no more than it needs: work is included, and plays of others left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._plan.folder_files import hash_file, hash_files
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import read_plan
from ansible_collections.orderly.services.plugins.plugin_utils._render.folder import write_playbook
from ansible_collections.orderly.services.plugins.plugin_utils._render.playbook import render_for_run

from .toys import Outcome, Site, ranked_service, say, three_services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INCLUDE = "ansible.builtin.include_tasks"


def make(
    folder: Path,
    most_imports: int,
    *,
    for_run: bool = False,
    services: Callable[[Site], None] = three_services,
) -> tuple[Site, Path]:
    """Make a site, of three services, and the folder of its plan, whose plays hold their work or include it.

    The playbook is the one that people read, or the one that a run has Ansible read.
    """
    folder.mkdir()
    site = Site(folder)
    services(site)
    assert site.upgrade("--list-hosts").code == 0
    (plan_folder,) = site.plan_folders
    plan = read_plan(plan_folder)
    playbook = plan_folder / "upgrade.yml"
    write_playbook(plan, plan_folder, most_imports)
    if for_run:
        playbook.write_text(render_for_run(plan, Selection(), most_imports))
    beside = ("plan.json", "plan.html")
    files = {name: each for name, each in hash_files(plan_folder).items() if name not in beside}
    written = replace(plan, files=files).as_json(page=hash_file(plan_folder / "plan.html"), took={})
    (plan_folder / "plan.json").write_text(written)
    return site, playbook


def whole(site: Site, playbook: Path) -> Outcome:
    return site.upgrade(playbook=playbook)


def in_check_mode(site: Site, playbook: Path) -> Outcome:
    return site.upgrade("--check", playbook=playbook)


def on_one_host(site: Site, playbook: Path) -> Outcome:
    site.upgrade("-e", "upgrade_only=db", playbook=playbook)
    return site.upgrade("--limit", "w2", playbook=playbook)


def resumed(site: Site, playbook: Path) -> Outcome:
    site.breaks("web w2 install")
    assert site.upgrade(playbook=playbook).code != 0
    site.is_mended()
    return site.upgrade(playbook=playbook)


def past_a_gate(site: Site, playbook: Path) -> Outcome:
    return site.upgrade("--start-at-task", "wave-4 | Pass the gate", playbook=playbook)


@pytest.mark.parametrize("how", [whole, in_check_mode, on_one_host, resumed, past_a_gate])
def test_the_same_runs_whether_work_is_in_the_plays_or_included(
    tmp_path: Path, how: Callable[[Site, Path], Outcome]
) -> None:
    sites = [
        make(tmp_path / "held", 10_000),
        make(tmp_path / "included", 0),
        make(tmp_path / "for-a-run", 0, for_run=True),
    ]
    assert [INCLUDE in playbook.read_text() for _site, playbook in sites] == [False, True, True]
    held, *others = ((how(site, playbook).code, sorted(site.log), site.slots) for site, playbook in sites)
    assert others == [held, held]
    assert held[0] == (2 if how is past_a_gate else 0)


def a_bundle(site: Site) -> None:
    """Two services that change together on one host of each."""
    site.groups(api="h1 h2", sched="h1 h3")
    site.service("api", "2 3 5", "drain verify undrain", packages=["nova"])
    role = site.service("sched", "3 4 5", "verify", packages=["nova"], after=["api"])
    (role / "tasks/facts.yml").write_text(say("sched", "facts", "  changed_when: false"))


def test_what_changes_together_goes_phase_by_phase_where_work_is_included_too(tmp_path: Path) -> None:
    sites = [
        make(tmp_path / "held", 10_000, services=a_bundle),
        make(tmp_path / "included", 0, services=a_bundle),
    ]
    held, included = (site.upgrade(playbook=playbook) for site, playbook in sites)
    assert held.code == included.code == 0
    assert held.log == included.log
    assert [said.replace(" h1 ", " ") for said in held.log if " h1 " in said] == [
        "sched facts", "api drain", "api stop", "api install", "sched install", "sched migrate", "api start",
        "sched start", "api verify", "sched verify", "api undrain",
    ]  # fmt: skip


def shown(site: Site, *arguments: str) -> list[str]:
    """Name the plays that Ansible reads, without what is the same in all."""
    outcome = site.upgrade("--list-hosts", *arguments)
    assert outcome.code == 0, outcome.raw
    plays = (line.partition("): ")[2] for line in outcome.raw.splitlines() if line.startswith("  play #"))
    return [name.partition("\tTAGS")[0] for name in plays]


def test_a_run_about_one_host_or_service_reads_its_plays_alone(site: Site) -> None:
    three_services(site)
    every = shown(site)
    for arguments in (["--limit", "d2"], ["-e", "upgrade_only=db"]):
        about_db = shown(site, *arguments)
        assert [play for play in about_db if "web" in play or "cache" in play] == []
        assert [play for play in every if play in about_db] == about_db
    assert len(shown(site, "--limit", "d2")) < len(about_db) < len(every) / 2
    assert site.upgrade("--limit", "d1,d2").touched == {"d1", "d2"}
    assert "The upgrade is complete" in site.upgrade().text
    (folder,) = site.plan_folders
    assert list(folder.glob("*.part-*")) == []


@pytest.mark.parametrize("for_run", [False, True])
def test_who_goes_last_is_asked_where_work_is_included_too(tmp_path: Path, for_run: bool) -> None:
    site, playbook = make(
        tmp_path / "site", 0, for_run=for_run, services=lambda site: ranked_service(site, "h1")
    )
    outcome = site.upgrade(playbook=playbook)
    assert outcome.code == 0, outcome.raw
    assert [said for said in outcome.log if said.endswith("install")] == [
        "web h2 install", "web h3 install", "web h1 install",
    ]  # fmt: skip
