"""Roles that tasks and other roles name: where Ansible finds them, and which of their files run."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from ansible.constants import DEFAULT_ROLES_PATH
from ansible.parsing.splitter import parse_kv
from ansible.playbook.role.requirement import RoleRequirement
from ansible.utils.collection_loader import AnsibleCollectionConfig

from .._service.catalogue import COLLECTION, COLLECTION_ROLES
from .files import (
    IMPORT_ROLE,
    IMPORT_TASKS,
    INCLUDE_ROLE,
    INCLUDE_TASKS,
    Loader,
    entry,
    file_name,
    label,
    named_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .files import TaskFile

FULL_NAME = re.compile(r"(?P<collection>\w+\.\w+)\.(?P<role>\w+)")
_BESIDE = re.compile(r"\{\{\s*role_path\s*\}\}/\.\./")
SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class RoleUse:
    """A role that a task or a role runs, the place of its name, and which of its files that are not ``main``.

    *by_path* tells that it is named as ``{{ role_path }}/../NAME``, which Ansible finds wherever it runs.
    """

    name: str
    node: yaml.Node
    asked_by: str
    files: Mapping[str, str] = field(default_factory=dict)
    by_path: bool = False

    @property
    def is_template(self) -> bool:
        """Tell whether nobody knows before it runs which role it is."""
        return "{{" in self.name or "{%" in self.name

    def files_of(self, role: Path) -> Iterator[Path]:
        """Give the files with tasks of the role that run: its tasks and its handlers."""
        for folder in ("tasks", "handlers"):
            name = self.files.get(f"{folder}_from", "main")
            paths = (role / folder / f"{name}{suffix}" for suffix in ("", *SUFFIXES))
            yield from list(filter(Path.is_file, paths))[:1]


def role_used(task: yaml.MappingNode) -> RoleUse | None:
    """Tell which role a task includes or imports; None where it does neither."""
    found = entry(task, *INCLUDE_ROLE, *IMPORT_ROLE)
    if found is None:
        return None
    key, value = found
    node, asked = value, f"{label(task)} {'includes' if 'include' in key.value else 'imports'}"
    given = words_of(value)
    if isinstance(value, yaml.MappingNode):
        node = next((each for name, each in value.value if name.value in ("name", "role")), value)
    name = given.get("name") or given.get("role") or ""
    return RoleUse(_name(name), node, asked, given, by_path=bool(_BESIDE.match(name)))


def roles_needed(role: Path) -> Iterator[RoleUse]:
    """Give what a role depends on, as its meta file has it; nothing where that cannot be read."""
    file = meta_file(role, "main")
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=Loader) if file.is_file() else None
    except yaml.YAMLError:
        return  # who copies the role says so
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    listed = next((value for key, value in pairs if key.value == "dependencies"), None)
    for node in listed.value if isinstance(listed, yaml.SequenceNode) else []:
        given = {"name": node.value} if isinstance(node, yaml.ScalarNode) else words_of(node)
        source = RoleRequirement.repo_url_to_role_name(given.get("src", ""))
        name = given.get("role") or given.get("name") or source
        yield RoleUse(_name(name), node, "the role depends on")


def words_of(node: yaml.Node) -> dict[str, str]:
    """Give the plain arguments of a task: of a mapping, or of a text such as ``name=common tasks_from=check``."""
    if isinstance(node, yaml.ScalarNode):
        return {key: str(value) for key, value in parse_kv(node.value).items()}
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: value.value for key, value in pairs if isinstance(value, yaml.ScalarNode)}


def _name(given: str) -> str:
    """Give a name as it is looked for: a role that is named beside this one has a plain name."""
    return _BESIDE.sub("", given)


def meta_file(role: Path, stem: str) -> Path:
    """Find a file about a role, which may have either suffix."""
    paths = [role / f"meta/{stem}{suffix}" for suffix in SUFFIXES]
    return next((path for path in paths if path.is_file()), paths[0])


# --- Where they are ---


def find_role(role: Path, name: str) -> Path | None:
    """Find the folder of a role that another names: in a collection, beside it, or where Ansible looks for roles."""
    if not re.fullmatch(r"[\w.+-]+", name):
        return None
    full = FULL_NAME.fullmatch(name)
    homes = [folder / full["role"] for folder in _roles_of(full["collection"], role)] if full else []
    usual = map(Path, map(os.path.expanduser, DEFAULT_ROLES_PATH))
    folders = [*_roles_of(collection_of(role), role), role.parent, *usual]
    places = [*homes, *(folder / name for folder in folders)]
    return next((path.resolve() for path in places if path.is_dir()), None)


def collection_of(role: Path) -> str:
    """Name the collection that a role belongs to, or nothing."""
    if role.parent == COLLECTION_ROLES.resolve():
        return COLLECTION
    *_parents, root, namespace, collection, roles, _name = ("", "", "", "", *role.parts)
    return f"{namespace}.{collection}" if (root, roles) == ("ansible_collections", "roles") else ""


def _roles_of(collection: str, role: Path) -> Iterator[Path]:
    """Give the folders that may hold the roles of a collection, for a role that may be one of them."""
    if collection and collection == collection_of(role):
        yield role.parent
    elif collection == COLLECTION:
        yield COLLECTION_ROLES
    elif collection and AnsibleCollectionConfig.collection_finder is not None:
        for path in map(Path, AnsibleCollectionConfig.collection_paths):
            home = path if path.name == "ansible_collections" else path / "ansible_collections"
            yield home / collection.replace(".", "/") / "roles"


# --- What runs ---


def below(folder: Path, file: TaskFile, task: yaml.MappingNode) -> Iterator[tuple[Path, Path]]:
    """Give the files that a task names, as far as they are there: of tasks, or those of a role that run.

    *folder* is the one of the role's that the file belongs to, ``tasks`` or ``handlers``; each comes with its own.
    """
    name = file_name(task, *IMPORT_TASKS, *INCLUDE_TASKS)
    target = named_file(folder, file, name) if name is not None else None
    if target is not None:
        yield folder, target
    use = role_used(task)
    role = find_role(folder.parent, use.name) if use is not None else None
    if use is not None and role is not None:
        yield from ((role / path.relative_to(role).parts[0], path) for path in use.files_of(role))
