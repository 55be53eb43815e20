from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._render.folder import write_plan
from ansible_collections.orderly.services.plugins.plugin_utils._run.folders import work_by
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

from ..roles_world import Roles, names

if TYPE_CHECKING:
    from pathlib import Path


# --- The folder ---


def test_a_plan_is_a_folder_that_runs_by_itself(roles: Roles, tmp_path: Path) -> None:
    playbook = roles.put(tmp_path / "some/where/plan")
    folder = playbook.parent
    assert playbook == tmp_path / "some/where/plan/upgrade.yml"
    assert names(folder) == [
        "plan.html",
        "plan.json",
        "roles/orderly_plan_web/meta/main.yml",
        "roles/orderly_plan_web/meta/service.yml",
        "roles/orderly_plan_web/tasks/upgrade_tasks.change.yml",
        "roles/orderly_plan_web/tasks/upgrade_tasks.step3.yml",
        "upgrade.yml",
    ]
    data = json.loads((folder / "plan.json").read_text())
    assert data["id"] == roles.plan().id
    assert {"services", "plays"} < data.keys()
    assert f"# The upgrade plan {data['id']}" in playbook.read_text()


def test_a_folder_that_holds_the_plan_is_left_as_it_is(roles: Roles, tmp_path: Path) -> None:
    folder = roles.put(tmp_path / "plan").parent
    before = folder.stat().st_ino
    roles.put(folder)
    assert folder.stat().st_ino == before


def test_the_page_knows_how_long_it_took_the_last_time(roles: Roles, tmp_path: Path) -> None:
    page = roles.put(tmp_path / "plan", {"web/change": 61.5}).with_name("plan.html")
    assert '"seconds":61.5' in page.read_text()
    assert json.loads(page.with_name("plan.json").read_text())["took"] == {"web/change": 61.5}


PLANTED = [
    "plan.html",
    "roles/orderly_plan_web/.hidden/x.yml",
    "roles/orderly_plan_web/tests/x.yml",
    "roles/orderly_plan_web/molecule/x.yml",
    "roles/orderly_plan_web/library/__pycache__/x.cpython-311.pyc",
    "library/x.pyc",
]


@pytest.mark.parametrize("name", PLANTED)
def test_whatever_was_planted_in_a_folder_is_gone_when_the_plan_is_written_again(
    roles: Roles, tmp_path: Path, name: str
) -> None:
    folder = roles.put(tmp_path / "plan").parent
    before = {each: (folder / each).read_text() for each in names(folder)}
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("planted")
    roles.put(folder)
    assert {each: (folder / each).read_text() for each in names(folder)} == before


def test_a_release_of_the_collection_keeps_the_id_of_a_plan_and_changes_what_is_approved(
    roles: Roles, tmp_path: Path
) -> None:
    plans = []
    for version in ("0.1.0", "0.2.0"):
        plan = compile_plan(roles.deployments(), {"orderly.services": version})
        write_plan(plan, find_services([RoleFolder(roles.folder)]), tmp_path / version)
        plans.append(json.loads((tmp_path / version / "plan.json").read_text()))
    before, after = plans
    assert before["id"] == after["id"]
    assert before["hash"] != after["hash"]
    assert len(before["id"]) == len(before["hash"]) == 64


def test_an_older_or_edited_plan_is_replaced_as_a_whole(roles: Roles, tmp_path: Path) -> None:
    folder = roles.put(tmp_path / "plan").parent
    (folder / "upgrade.yml").write_text("edited")
    (folder / "roles/orderly_plan_web/tasks/left.yml").touch()
    playbook = roles.put(folder)
    assert "edited" not in playbook.read_text()
    assert "roles/orderly_plan_web/tasks/left.yml" not in names(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan", "roles"]


def test_an_empty_folder_is_filled_and_one_with_other_things_is_left(roles: Roles, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert roles.put(tmp_path / "empty").is_file()

    mine = roles.write("../mine/notes", "mine")
    with pytest.raises(CatalogueError) as caught:
        roles.put(mine.parent)
    assert str(caught.value) == (
        f"{mine.parent} holds something other than a plan; set upgrade_plan_dir to a new or empty folder."
    )
    assert names(mine.parent) == ["notes"]


def test_a_folder_that_cannot_be_written_is_named(roles: Roles, tmp_path: Path) -> None:
    file = roles.write("../file")
    with pytest.raises(CatalogueError) as caught:
        roles.put(file / "plan")
    assert str(caught.value).startswith(f"The plan cannot be written to {file / 'plan'}: ")
    assert str(caught.value).endswith("Set upgrade_plan_dir to a folder that you may write to.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "roles"]


def states(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_folder_that_holds_the_plan_already_is_not_touched(roles: Roles, tmp_path: Path) -> None:
    roles.put(tmp_path / "plan")
    before = states(tmp_path / "plan")
    roles.put(tmp_path / "plan")
    assert states(tmp_path / "plan") == before


def test_a_folder_that_a_run_works_by_is_not_written_over(roles: Roles, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    roles.put(folder)
    with subprocess.Popen(["sleep", "60"]) as process:
        work_by(folder, this_run(process.pid))
        before = states(folder)
        roles.put(folder)
        roles.write("web/tasks/upgrade_tasks.yml", "- command: y\n  tags: step3\n")
        with pytest.raises(
            CatalogueError, match=rf"{folder} is the plan that a run works by \(PID {process.pid} on"
        ):
            roles.put(folder)
        assert states(folder) == before
        process.kill()
    roles.put(folder)
    assert states(folder) != before


def test_a_folder_is_kept_while_nobody_can_tell_whether_a_run_still_works_by_it(
    roles: Roles, tmp_path: Path
) -> None:
    folder = tmp_path / "plan"
    roles.put(folder)
    run = replace(this_run(), namespace="pid:[7]")
    work_by(folder, run)
    roles.write("web/tasks/upgrade_tasks.yml", "- command: y\n  tags: step3\n")
    with pytest.raises(CatalogueError, match=r"If that run is over, remove (\S+/\.plan\.runs/\S+\.json)\."):
        roles.put(folder)
    (tmp_path / f".plan.runs/{run.id}.json").unlink()
    roles.put(folder)


# --- Copies of roles ---


def test_files_that_may_only_be_read_can_be_planned_again(roles: Roles, tmp_path: Path) -> None:
    for name in ("tasks/verify.yml", "meta/main.yml", "files/run.sh"):
        roles.write(f"web/{name}", "---\n")
    for path in roles.folder.rglob("*.*"):
        path.chmod(0o444)
    (roles.folder / "web/files/run.sh").chmod(0o557)
    for _time in range(2):
        roles.put(tmp_path / "plan")
    copy = tmp_path / "plan/roles/orderly_plan_web"
    modes = {path.name: path.stat().st_mode & 0o777 for path in copy.rglob("*") if path.is_file()}
    assert modes["run.sh"] == 0o755
    assert all(mode & 0o622 == 0o600 for mode in modes.values())


def test_a_plan_is_not_written_where_everybody_can_change_it(roles: Roles, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(CatalogueError, match=f"runs on your hosts: everybody can write to {tmp_path}/shared"):
        roles.put(tmp_path / "shared/plan")
    (tmp_path / "shared").chmod(0o1777)
    roles.put(tmp_path / "shared/plan")
