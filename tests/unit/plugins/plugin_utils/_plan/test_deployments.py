from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError

if TYPE_CHECKING:
    from pathlib import Path

    from ..roles_world import Roles


def test_what_is_wrong_in_any_service_is_told_at_once(roles: Roles) -> None:
    roles.write("web/tasks/upgrade_tasks.yml", "- command: x\n")
    roles.write("db/meta/service.yml")
    roles.write("db/tasks/drain.yml", "- meta: end_play\n")
    roles.write("dns/meta/service.yml")
    roles.write("dns/handlers/main.yaml", "- name: Stop\n  meta: end_host\n")
    with pytest.raises(FindingsError) as caught:
        roles.deployments()
    assert [(finding.file.parts[-3], finding.rule) for finding in caught.value.findings] == [
        ("db", "meta"),
        ("dns", "meta"),
        ("web", "one-step"),
    ]


def test_a_migration_is_seen_in_the_file_and_in_what_it_imports(roles: Roles) -> None:
    assert not roles.deployments()[0].migrates_once
    roles.write("web/tasks/migrate.yml", "- command: x\n  run_once: true\n")
    roles.write("web/tasks/upgrade_tasks.yml", "- import_tasks: migrate.yml\n  tags: step4\n")
    assert roles.deployments()[0].migrates_once


def test_points_of_no_return_are_seen_in_steps_blocks_and_finalizers(roles: Roles) -> None:
    assert roles.deployments()[0].no_return == frozenset()
    marked = "  vars: {point_of_no_return: true}\n"
    block = "- block:\n    - command: x\n      tags: step4\n"
    roles.write("web/tasks/upgrade_tasks.yml", block + marked)
    assert roles.deployments()[0].no_return == {"change"}
    roles.write("web/tasks/finalize.yml", "- command: x\n" + marked)
    assert roles.deployments()[0].no_return == {"change", "finalize"}


def test_a_service_without_upgrade_tasks_is_planned_with_nothing_to_do(roles: Roles, tmp_path: Path) -> None:
    (roles.folder / "web/tasks/upgrade_tasks.yml").unlink()
    assert roles.plan().plays == ()
    assert roles.put(tmp_path / "plan").is_file()


def test_a_role_that_names_packages_and_no_tasks_for_them_is_upgraded_by_the_recipe(roles: Roles) -> None:
    roles.write("web/meta/service.yml", "units: [web.service]\npackages: [web, web-common]\n")
    roles.write("web/tasks/health.yml", "- command: web status\n  changed_when: false\n")
    roles.write("web/tasks/verify.yml", "- import_tasks: health.yml\n")
    (roles.folder / "web/tasks/upgrade_tasks.yml").unlink()
    (deployment,) = roles.deployments()
    assert deployment.steps == {0, 1, 3, 5, 6}
    before = roles.plan().id
    tasks = roles.copied() / "tasks"
    assert "web-common" in (tasks / "upgrade_tasks.step3.yml").read_text()
    for step, part in ((0, "health"), (6, "verify")):
        assert f"{part}.step{step}.yml" in (tasks / f"upgrade_tasks.step{step}.yml").read_text()
    assert not (tasks / "upgrade_tasks.yml").exists()
    roles.write("web/meta/service.yml", "units: [web.service]\npackages: [web]\n")
    assert roles.plan().id != before


def test_a_migration_of_such_a_role_runs_once_where_its_units_are_stopped_before(roles: Roles) -> None:
    roles.write("web/meta/service.yml", "units: [web.service]\npackages: [web]\n")
    roles.write("web/tasks/migrate.yml", "- command: web migrate\n  run_once: true\n")
    (roles.folder / "web/tasks/upgrade_tasks.yml").unlink()
    (deployment,) = roles.deployments()
    assert deployment.steps == {0, 1, 2, 3, 4, 5}
    tasks = roles.copied() / "tasks"
    assert "kept_down: true" in (tasks / "upgrade_tasks.step2.yml").read_text()
    assert "migrate.step4.yml" in (tasks / "upgrade_tasks.step4.yml").read_text()
    migration = (tasks / "migrate.step4.yml").read_text()
    assert "run_once: false" in migration
    assert "inventory_hostname == " in migration


def test_of_a_role_with_upgrade_tasks_the_recipe_takes_nothing(roles: Roles) -> None:
    roles.write("web/meta/service.yml", "units: [web.service]\npackages: [web]\n")
    assert roles.deployments()[0].steps == {3}
