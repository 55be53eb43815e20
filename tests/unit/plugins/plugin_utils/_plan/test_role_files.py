from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.role_files import load_yaml
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

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


BAD_DEPENDENCIES = [
    (
        "common",
        "which has tasks; they would run with every step. Import what you need in the step that needs it, and keep "
        "dependencies for variables.",
    ),
    (
        "toy.shop.nowhere",
        "which is neither beside it nor where Ansible looks for roles; a plan contains all the roles it runs. "
        "Put it there, or remove the dependency.",
    ),
]


@pytest.mark.parametrize(("name", "message"), BAD_DEPENDENCIES)
def test_a_dependency_that_a_plan_cannot_bring_is_refused(roles: Roles, name: str, message: str) -> None:
    roles.write("common/tasks/main.yml", "- command: x\n")
    roles.write("web/meta/main.yml", f"dependencies:\n  - role: {name}\n")
    with pytest.raises(CatalogueError) as caught:
        roles.plan()
    assert str(caught.value) == f"{roles.folder / 'web/meta/main.yml'}: the role depends on {name}, {message}"


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
