from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._render.folder import write_plan
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan


class Roles:
    """A folder of roles, and the plan of services that run on the host h1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("web/meta/service.yml", "units: [web.service]\n")
        self.write("web/tasks/upgrade_tasks.yml", "- command: x\n  tags: step3\n")

    def write(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def deployments(self) -> tuple[Deployment, ...]:
        services = find_services([RoleFolder(self.folder)])
        return read_deployments(services, {service.name: ("h1",) for service in services})

    def plan(self) -> Plan:
        return compile_plan(self.deployments(), {})

    def put(self, folder: Path, seconds: dict[str, float] | None = None) -> Path:
        return write_plan(self.plan(), find_services([RoleFolder(self.folder)]), folder, seconds)


@pytest.fixture
def roles(tmp_path: Path) -> Roles:
    return Roles(tmp_path / "roles")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


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
        "upgrade-web.yml",
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
    assert str(caught.value).endswith("Set upgrade_plan_dir to a folder of yours.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "roles"]


# --- The playbook ---


def test_every_play_begins_with_its_gate_and_leaves_failures_to_the_gates(
    roles: Roles, tmp_path: Path
) -> None:
    opening, *plays = load(roles.put(tmp_path / "plan"))
    gate = next(task for task in opening["tasks"] if "orderly.services.internal.upgrade_gate" in task)
    assert gate["orderly.services.internal.upgrade_gate"] == {"state": "opened"}
    assert all(task["tags"] == ["always"] for task in opening["tasks"])
    assert plays
    for play in plays:
        assert play["tasks"][0]["orderly.services.internal.upgrade_gate"]["state"] == "entered"
        assert play["tasks"][0]["tags"] == ["always"]
        assert play["gather_facts"] is False
        assert play["any_errors_fatal"] is False
        assert play["max_fail_percentage"] == 100
        assert "serial" not in play


# --- Copies of roles ---


def copied(roles: Roles, tmp_path: Path) -> Path:
    return roles.put(tmp_path / "plan").parent / "roles/orderly_plan_web"


def test_a_copy_has_all_of_the_role_but_what_is_no_part_of_it(roles: Roles, tmp_path: Path) -> None:
    kept = [
        "files/.profile",
        "files/service.yml",
        "tasks/step3.yml",
        "tasks/tests/x.yml",
        "templates/molecule/x.j2",
    ]
    for name in kept:
        roles.write(f"web/{name}", "- command: x\n")
    for name in (
        ".git/config",
        "molecule/default/molecule.yml",
        "tests/test.yml",
        "library/__pycache__/x.pyc",
    ):
        roles.write(f"web/{name}")
    copy = copied(roles, tmp_path)
    assert set(names(copy)) == {
        *kept,
        "meta/main.yml",
        "meta/service.yml",
        "tasks/upgrade_tasks.change.yml",
        "tasks/upgrade_tasks.step3.yml",
    }


def test_what_is_behind_links_is_copied_and_counts(roles: Roles, tmp_path: Path) -> None:
    shared = roles.write("../common/motd", "hello\n")
    roles.write("web/files/own")
    (roles.folder / "web/files/linked").symlink_to(shared.parent)
    (roles.folder / "web/files/motd").symlink_to(shared)
    before = roles.plan().id
    copy = copied(roles, tmp_path)
    assert not (copy / "files/linked").is_symlink()
    assert (copy / "files/linked/motd").read_text() == (copy / "files/motd").read_text() == "hello\n"

    shared.write_text("goodbye\n")
    assert roles.plan().id != before


BAD_LINKS = [
    ("..", "is a link to a folder that it is in"),
    ("nowhere", "is not a file, or is a link to nothing"),
]


@pytest.mark.parametrize(("target", "message"), BAD_LINKS)
def test_a_link_that_cannot_be_copied_is_refused(roles: Roles, target: str, message: str) -> None:
    roles.write("web/files/own")
    (roles.folder / "web/files/link").symlink_to(target)
    with pytest.raises(CatalogueError, match=message):
        roles.plan()


def test_parts_are_copied_and_run_once_of_a_finalizer_gets_its_condition(
    roles: Roles, tmp_path: Path
) -> None:
    for part in ("drain", "verify", "undrain"):
        roles.write(f"web/tasks/{part}.yml", f"# why\n- command: {part}\n")
    roles.write("web/tasks/finalize.yaml", "- command: x\n  run_once: true\n")
    copy = copied(roles, tmp_path)
    assert (copy / "tasks/drain.yml").read_text() == "# why\n- command: drain\n"
    assert load(copy / "tasks/finalize.yaml")[0]["run_once"] is False
    assert roles.deployments()[0].parts == {"drain", "verify", "undrain", "finalize"}


COLLECTIONS = [
    ("of nobody", "roles", [], []),
    ("of a collection", "ansible_collections/toy/shop/roles", [], ["toy.shop"]),
    (
        "with collections of its own",
        "ansible_collections/toy/shop/roles",
        ["other.one"],
        ["toy.shop", "other.one"],
    ),
]


@pytest.mark.parametrize(
    ("place", "own", "expected"), [case[1:] for case in COLLECTIONS], ids=[case[0] for case in COLLECTIONS]
)
def test_a_copy_may_use_the_short_names_that_the_role_may(
    tmp_path: Path, place: str, own: list[str], expected: list[str]
) -> None:
    roles = Roles(tmp_path / place)
    roles.write("web/meta/main.yml", f"galaxy_info: {{author: me}}\ncollections: {own}\n")
    meta = load(copied(roles, tmp_path) / "meta/main.yml")
    assert meta == {"galaxy_info": {"author": "me"}, "collections": expected}


def test_dependencies_come_along_under_names_of_the_copy(roles: Roles, tmp_path: Path) -> None:
    roles.write("web/meta/main.yml", "dependencies:\n  - role: palette\n    vars: {x: 1}\n")
    roles.write("palette/meta/main.yml", "dependencies: [paint]\n")
    roles.write("paint/vars/main.yml", "paint: wet\n")
    before = roles.plan().id
    copy = copied(roles, tmp_path)
    palette, paint = "orderly_plan_web_palette", "orderly_plan_web_palette_paint"
    assert load(copy / "meta/main.yml")["dependencies"] == [{"role": palette, "vars": {"x": 1}}]
    assert load(copy.with_name(palette) / "meta/main.yml")["dependencies"] == [{"role": paint}]
    assert load(copy.with_name(paint) / "vars/main.yml") == {"paint": "wet"}

    roles.write("paint/vars/main.yml", "paint: dry\n")
    assert roles.plan().id != before


BAD_DEPENDENCIES = [
    (
        "common",
        "which has tasks; they would run with every step. Import what you need in the step that needs it, and keep "
        "dependencies for variables.",
    ),
    (
        "toy.shop.nowhere",
        "which is not beside it nor where Ansible looks for roles; a plan brings all the roles it runs. Put it "
        "there, or take it out.",
    ),
]


@pytest.mark.parametrize(("name", "message"), BAD_DEPENDENCIES)
def test_a_dependency_that_a_plan_cannot_bring_is_refused(roles: Roles, name: str, message: str) -> None:
    roles.write("common/tasks/main.yml", "- command: x\n")
    roles.write("web/meta/main.yml", f"dependencies:\n  - role: {name}\n")
    with pytest.raises(CatalogueError) as caught:
        roles.plan()
    assert str(caught.value) == f"{roles.folder / 'web/meta/main.yml'}: the role depends on {name}, {message}"


def test_the_argument_specs_of_upgrade_tasks_are_those_of_the_first_step(
    roles: Roles, tmp_path: Path
) -> None:
    roles.write("web/tasks/upgrade_tasks.yml", "- {command: x, tags: step3}\n- {command: x, tags: step1}\n")
    roles.write(
        "web/meta/argument_specs.yml",
        "argument_specs: {main: {options: {}}, upgrade_tasks: {options: {a: {}}}}",
    )
    assert load(copied(roles, tmp_path) / "meta/argument_specs.yml") == {
        "argument_specs": {"main": {"options": {}}, "upgrade_tasks.step1": {"options": {"a": {}}}}
    }


@pytest.mark.parametrize("file", ["argument_specs.yml", "argument_specs.yaml", "main.yml", "main.yaml"])
def test_ansible_checks_the_arguments_that_it_checked_in_the_role(
    roles: Roles, tmp_path: Path, file: str
) -> None:
    for part in ("drain", "verify"):
        roles.write(f"web/tasks/{part}.yml", "- command: x\n")
    roles.write(
        f"web/meta/{file}", "argument_specs: {upgrade_tasks: {options: {a: {}}}, verify: {options: {}}}"
    )
    copy = copied(roles, tmp_path)
    assert [path.name for path in copy.glob("meta/main.*")] == [
        file if file.startswith("main") else "main.yml"
    ]
    assert load(copy / f"meta/{file}")["argument_specs"] == {
        "upgrade_tasks.step3": {"options": {"a": {}}},
        "verify": {"options": {}},
    }
    tasks = {task["name"]: task for task in load(copy / "tasks/upgrade_tasks.change.yml")[-1]["block"]}
    assert tasks["drain web"]["ansible.builtin.import_tasks"] == "drain.yml"
    for name, file_of in (("upgrade web", "upgrade_tasks.step3"), ("verify web", "verify")):
        assert tasks[name]["ansible.builtin.import_role"] == {
            "name": "orderly_plan_web",
            "tasks_from": file_of,
        }


# --- Reading ---


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


def test_two_roles_with_the_same_files_give_the_same_plan_until_one_changes(tmp_path: Path) -> None:
    one, other = Roles(tmp_path / "one"), Roles(tmp_path / "other")
    assert one.deployments()[0].files == other.deployments()[0].files
    other.write("web/.git/config", "not of the role")
    assert one.plan().id == other.plan().id
    other.write("web/files/.profile", "of the role")
    assert one.plan().id != other.plan().id


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
