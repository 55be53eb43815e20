"""What others do with a project that uses the collection: lint it, mount it read-only, run it as a job that ends."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from .toys import PROGRAMS, ROOT, Site, one_service, three_services

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

OURS = [f"orderly.services.{path.stem}" for path in sorted((ROOT / "playbooks").glob("*.yml"))]
GUIDES = ("service-roles.md", "in-other-hands.md")


def project_of_the_guides(folder: Path) -> None:
    """Write the project that the guides show: inventory, roles, playbooks, and the plays that take slots."""
    guides = "".join((ROOT / "docs" / name).read_text() for name in GUIDES)
    rolling = (ROOT / "docs/rolling.md").read_text().partition("## The same in your own playbook")[2]
    own = re.findall(
        r"(?s)```yaml\n((?:---[^\n]*\n)?- name: .*?)```", rolling.partition("## When a host fails")[0]
    )
    files = dict(re.findall(r"(?s)```yaml\n# (\S+\.yml)\n(.*?)```", guides))
    files |= {
        f"own{number}.yml": text if text.startswith("---") else f"---\n{text}"
        for number, text in enumerate(own)
    }
    assert {"upgrade.yml", "roles/memcached/tasks/upgrade_tasks.yml", "own2.yml"} <= files.keys()
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_a_project_as_the_guides_show_it_passes_ansible_lint_without_an_inventory(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = tmp_path_factory.mktemp("project")
    project_of_the_guides(project)
    done = subprocess.run(
        [PROGRAMS / "ansible-lint", "--offline", "--strict", "--nocolor", "--profile", "production"],
        cwd=project, env=site.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_syntax_check_of_every_playbook_needs_no_inventory(site: Site) -> None:
    site.write("empty.yml", "all: {hosts: {}}\n")
    site.inventory = site.folder / "empty.yml"
    every = "".join(f"- import_playbook: {name}\n" for name in OURS)
    outcome = site.upgrade("--syntax-check", playbook=site.write("every.yml", every))
    assert outcome.code == 0, outcome.raw


def test_the_syntax_check_with_an_inventory_finds_what_is_wrong_in_roles(site: Site) -> None:
    one_service(site)
    site.write("roles/web/tasks/upgrade_tasks.yml", "---\n- name: Never\n  ansible.builtin.command: 'true'\n")
    outcome = site.upgrade("--syntax-check")
    assert outcome.code != 0
    assert "[one-step]" in outcome.text


def test_nothing_is_written_to_the_project(site: Site) -> None:
    three_services(site)
    site.write("project/upgrade.yml", "---\n- import_playbook: orderly.services.upgrade\n")
    (site.folder / "roles").rename(site.folder / "project/roles")
    files = {path: path.stat().st_mtime_ns for path in (site.folder / "project").rglob("*")}
    project = site.folder / "project"
    for playbook in (project / "upgrade.yml", "orderly.services.plan", "orderly.services.rolling_restart"):
        outcome = site.upgrade("-e", f"orderly_roles_path={project}/roles", playbook=playbook)
        assert outcome.code == 0, outcome.raw
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == files


def test_a_store_that_ends_with_its_job_is_missed_by_the_hosts(site: Site) -> None:
    one_service(site)
    assert site.upgrade().code == 0
    site.store.unlink()
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "There is now another store of that name" in outcome.text
    assert outcome.touched == set()


def test_a_slice_of_the_fleet_is_not_taken_for_the_fleet(site: Site) -> None:
    one_service(site, "w1 w2 w3 w4", max_unavailable="50%")
    assert site.upgrade().code == 0
    site.groups(web="w1 w3")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert (
        "This inventory lacks members of web: w2, w4. With them, 50% is 2 hosts, without them 1."
        in outcome.text
    )


def test_a_group_whose_dashes_ansible_replaces_is_that_of_the_service(site: Site) -> None:
    site.groups(**{"nova-compute": "n1 n2"})
    site.service("nova-compute", "3")
    replaced = {"ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "always"}
    assert "nova-compute" in site.upgrade(playbook="orderly.services.list_services", **replaced).text
    outcome = site.upgrade(**replaced)
    assert outcome.log == ["nova-compute n1 install", "nova-compute n2 install"], outcome.raw
