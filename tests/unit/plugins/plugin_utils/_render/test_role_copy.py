from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..roles_world import Roles, load, names

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_has_all_of_the_role_but_what_is_no_part_of_it(roles: Roles) -> None:
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
    copy = roles.copied()
    assert set(names(copy)) == {
        *kept,
        "meta/main.yml",
        "meta/service.yml",
        "tasks/upgrade_tasks.change.yml",
        "tasks/upgrade_tasks.step3.yml",
    }


def test_parts_are_copied_and_run_once_of_a_finalizer_gets_its_condition(roles: Roles) -> None:
    for part in ("drain", "verify", "undrain"):
        roles.write(f"web/tasks/{part}.yml", f"# why\n- command: {part}\n")
    roles.write("web/tasks/finalize.yaml", "- command: x\n  run_once: true\n")
    copy = roles.copied()
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
    meta = load(roles.copied() / "meta/main.yml")
    assert meta == {"galaxy_info": {"author": "me"}, "collections": expected}


def test_dependencies_come_along(roles: Roles) -> None:
    roles.write(
        "web/meta/main.yml", "dependencies:\n  - role: palette\n    vars: {x: 1}\n  - {src: x.java}\n"
    )
    roles.write("palette/meta/main.yml", "dependencies: [paint]\n")
    roles.write("x.java/defaults/main.yml", "java: 21\n")
    roles.write("paint/vars/main.yml", "paint: wet\n")
    before = roles.plan().id
    copy = roles.copied()
    assert load(copy / "meta/main.yml")["dependencies"] == [
        {"role": "palette", "vars": {"x": 1}},
        {"src": "x.java"},
    ]
    assert load(copy.with_name("palette") / "meta/main.yml")["dependencies"] == ["paint"]
    assert load(copy.with_name("paint") / "vars/main.yml") == {"paint": "wet"}
    assert (copy.with_name("x.java") / "defaults/main.yml").is_file()

    roles.write("paint/vars/main.yml", "paint: dry\n")
    assert roles.plan().id != before


INCLUDES = [
    "include_role: {name: common}",
    "import_role:\n    name: common",
    "include_role: name=common",
    "ansible.builtin.include_role: {role: common}",
    "include_role: {name: '{{ role_path }}/../common'}",
    "include_role: {name: common, tasks_from: other}",
]


@pytest.mark.parametrize("include", INCLUDES)
def test_roles_that_a_service_runs_come_along_and_are_in_the_id(roles: Roles, include: str) -> None:
    roles.write("web/tasks/upgrade_tasks.yml", "- include_tasks: more.yml\n  tags: step3\n")
    roles.write("web/tasks/more.yml", f"- {include}\n")
    for file in ("main", "other"):
        roles.write(f"common/tasks/{file}.yml", "- import_role: {name: base}\n")
    roles.write("common/meta/service.yml", "group: nobody\n")
    roles.write("base/tasks/main.yml", "- command: x\n")
    before = roles.plan().services["web"].files
    copy = roles.copied()
    assert names(copy.with_name("common")) == ["tasks/main.yml", "tasks/other.yml"]
    assert names(copy.with_name("base")) == ["tasks/main.yml"]
    roles.write("base/tasks/main.yml", "- command: y\n")
    after = roles.plan().services["web"].files
    assert [name for name in after if after[name] != before[name]] == ["../base/tasks/main.yml"]


def test_plugins_beside_the_folder_of_roles_come_along(roles: Roles) -> None:
    before = roles.plan().id
    roles.write("../filter_plugins/shout.py", "x = 1\n")
    roles.write("../library/look.py", "x = 1\n")
    assert roles.plan().id != before
    folder = roles.copied().parents[1]
    assert (folder / "filter_plugins/shout.py").is_file()
    assert (folder / "library/look.py").is_file()


def test_a_file_of_a_role_beside_comes_with_that_role(roles: Roles) -> None:
    roles.write("web/tasks/drain.yml", "- include_tasks: ../../common/tasks/leave.yml\n")
    roles.write("common/tasks/leave.yml", "- command: x\n")
    assert (roles.copied().with_name("common") / "tasks/leave.yml").is_file()


def test_the_argument_specs_of_upgrade_tasks_are_those_of_the_first_step(roles: Roles) -> None:
    roles.write("web/tasks/upgrade_tasks.yml", "- {command: x, tags: step3}\n- {command: x, tags: step1}\n")
    roles.write(
        "web/meta/argument_specs.yml",
        "argument_specs: {main: {options: {}}, upgrade_tasks: {options: {a: {}}}}",
    )
    assert load(roles.copied() / "meta/argument_specs.yml") == {
        "argument_specs": {"main": {"options": {}}, "upgrade_tasks.step1": {"options": {"a": {}}}}
    }


@pytest.mark.parametrize("file", ["argument_specs.yml", "argument_specs.yaml", "main.yml", "main.yaml"])
def test_ansible_checks_the_arguments_that_it_checked_in_the_role(roles: Roles, file: str) -> None:
    for part in ("drain", "verify"):
        roles.write(f"web/tasks/{part}.yml", "- command: x\n")
    roles.write(
        f"web/meta/{file}", "argument_specs: {upgrade_tasks: {options: {a: {}}}, verify: {options: {}}}"
    )
    copy = roles.copied()
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
