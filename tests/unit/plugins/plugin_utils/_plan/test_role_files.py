from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from ansible.constants import DEFAULT_ROLES_PATH
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._plan.role_files import load_yaml
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError

from ..roles_world import Roles

if TYPE_CHECKING:
    from pathlib import Path


def test_two_roles_with_the_same_files_give_the_same_plan_until_one_changes(tmp_path: Path) -> None:
    one, other = Roles(tmp_path / "one"), Roles(tmp_path / "other")
    assert one.deployments()[0].files == other.deployments()[0].files
    other.write("web/.git/config", "not of the role")
    assert one.plan().id == other.plan().id
    other.write("web/files/.profile", "of the role")
    assert one.plan().id != other.plan().id


def test_what_is_behind_links_is_copied_and_counts(roles: Roles) -> None:
    shared = roles.write("../common/motd", "hello\n")
    roles.write("web/files/own")
    (roles.folder / "web/files/linked").symlink_to(shared.parent)
    (roles.folder / "web/files/motd").symlink_to(shared)
    before = roles.plan().id
    copy = roles.copied()
    assert not (copy / "files/linked").is_symlink()
    assert (copy / "files/linked/motd").read_text() == (copy / "files/motd").read_text() == "hello\n"

    shared.write_text("goodbye\n")
    assert roles.plan().id != before


BAD_LINKS = [
    ("..", "is a link to a folder that it is in"),
    ("nowhere", "is not a file, or is a broken link"),
]


@pytest.mark.parametrize(("target", "message"), BAD_LINKS)
def test_a_link_that_cannot_be_copied_is_refused(roles: Roles, target: str, message: str) -> None:
    roles.write("web/files/own")
    (roles.folder / "web/files/link").symlink_to(target)
    with pytest.raises(CatalogueError, match=message):
        roles.plan()


LOOKED = f"({', '.join(DEFAULT_ROLES_PATH)}); a plan brings all the roles it runs. Put it there, or correct the name."
BAD_ROLES = [
    (
        "web/meta/main.yml",
        "dependencies:\n  - role: common\n",
        "2: [role] the role depends on common, which has tasks; they would run with every step. Import what you need "
        "in the step that needs it, and keep dependencies for variables.",
    ),
    (
        "web/meta/main.yml",
        "dependencies:\n  - {src: toy.shop.nowhere}\n",
        "2: [role] the role depends on the role toy.shop.nowhere, which is neither beside it nor where Ansible looks "
        f"for roles {LOOKED}",
    ),
    (
        "web/tasks/upgrade_tasks.yml",
        "- name: A\n  include_role:\n    name: nowhere\n  tags: step3\n",
        '3: [role] "A" includes the role nowhere, which is neither beside it nor where Ansible looks for roles '
        f"{LOOKED}",
    ),
    (
        "common/tasks/main.yml",
        "- import_role: {name: nowhere}\n",
        "1: [role] the task at line 1 imports the role nowhere, which is neither beside it nor where Ansible looks for "
        f"roles {LOOKED}",
    ),
    (
        "web/handlers/main.yml",
        "- name: A\n  include_role: {name: '{{ it }}'}\n",
        '2: [role] "A" includes a role whose name is a template, {{ it }}; a plan brings the roles it runs, and nobody '
        "knows yet which that is. Write its name, once for each role if there are several.",
    ),
    (
        "web/tasks/drain.yml",
        "- name: A\n  include_tasks: ../../../other.yml\n",
        '1: [outside] "A" names ROOT/other.yml, which is outside of the role; a plan brings whole roles, and would not '
        "find it. Move it into this role, or into one that this role includes.",
    ),
]


@pytest.mark.parametrize(("file", "text", "message"), BAD_ROLES)
def test_what_a_plan_cannot_bring_is_refused(roles: Roles, file: str, text: str, message: str) -> None:
    roles.write("common/tasks/main.yml", "- command: x\n")
    roles.write("web/tasks/undrain.yml", "- import_role: {name: common}\n")
    roles.write("../other.yml", "- command: x\n")
    roles.write(file, text)
    with pytest.raises(FindingsError) as caught:
        roles.plan()
    (finding,) = map(str, caught.value.findings)
    assert finding == f"{roles.folder / file}:{message}".replace("ROOT", str(roles.folder.parent))


def test_what_only_a_template_may_reach_need_not_be_there(roles: Roles) -> None:
    roles.write("web/tasks/drain.yml", "- include_tasks: '{{ os }}.yml'\n")
    roles.write("web/tasks/main.yml", "- import_role: {name: nowhere}\n")
    roles.write("web/tasks/debian.yml", "- import_role: {name: common}\n")
    roles.write("common/tasks/main.yml", "- command: x\n")
    assert "../common/tasks/main.yml" in roles.plan().services["web"].files


def test_a_plan_holds_one_role_of_a_name(roles: Roles, tmp_path: Path) -> None:
    other = Roles(tmp_path / "other/roles")
    for folder, name in ((roles, "db"), (other, "web")):
        folder.write(f"{name}/meta/service.yml")
        folder.write(f"{name}/tasks/verify.yml", "- import_role: {name: common}\n")
        folder.write("common/tasks/main.yml", "- command: x\n")
    shutil.rmtree(roles.folder / "web")
    services = find_services([RoleFolder(roles.folder), RoleFolder(other.folder)])
    with pytest.raises(CatalogueError, match="a plan holds one role of a name"):
        read_deployments(services, {"db": ("h1",), "web": ("h1",)})


UNREADABLE = [
    ("a: 1\ndependencies: [\n", ":3: not YAML: "),
    ("- apache\n", ":1: expected a mapping."),
]


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_a_file_about_a_role_that_is_no_mapping_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "main.yml"
    file.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_yaml(file)
    assert str(caught.value).startswith(f"{file}{message}")


def test_a_file_that_is_missing_or_empty_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("---\n")
    assert load_yaml(tmp_path / "empty.yml") == load_yaml(tmp_path / "missing.yml") == {}
