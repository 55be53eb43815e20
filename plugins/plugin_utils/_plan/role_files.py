"""The files of a role and of those it depends on, as a plan hashes and copies them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.constants import DEFAULT_ROLES_PATH

from .._service.catalogue import COLLECTION, COLLECTION_ROLES
from .._service.service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._service.service import Service
COMPILED = shutil.ignore_patterns("__pycache__", "*.pyc")
NOT_OF_THE_ROLE = shutil.ignore_patterns(
    ".*", "molecule", "tests"
)  # at its top; files/.profile is the role's own


def hashes_of(service: Service) -> dict[str, str]:
    """Hash the files of a role, and of those it depends on; the same files hash the same wherever they are.

    :raises CatalogueError: when a plan cannot copy one of these roles
    """
    role, *dependencies = _with_dependencies(service.path)
    hashes = {name: _hash(path) for name, path in files_of(role)}
    for each in dependencies:
        hashes |= {f"{each.name}/{name}": _hash(path) for name, path in files_of(each)}
    return hashes


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_of(role: Path) -> Iterator[tuple[str, Path]]:
    """Give the files of a role's folder, as a copy of it has them: links are followed.

    :raises CatalogueError: when a link leads nowhere, or to a folder that it is in
    """
    for root, folders, names in os.walk(role, followlinks=True):
        here = Path(root)
        if here.is_symlink() and here.resolve() in (parent.resolve() for parent in here.parents):
            raise CatalogueError(
                f"{here} is a link to a folder that it is in; a plan cannot copy it. Remove it."
            )
        left_out = _left_out(role)(root, [*folders, *names])
        folders[:] = sorted(set(folders) - left_out)
        for name in sorted(set(names) - left_out):
            path = here / name
            if not path.is_file():
                raise CatalogueError(
                    f"{path} is not a file, or is a broken link; a plan cannot copy it. Fix or remove it."
                )
            yield str(path.relative_to(role)), path


def _left_out(role: Path) -> Callable[[str, list[str]], set[str]]:
    """Tell what of a role's folder is no part of the role."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        return COMPILED(folder, names) | (NOT_OF_THE_ROLE(folder, names) if Path(folder) == role else set())

    return ignore


def meta_file(role: Path, stem: str) -> Path:
    """Find a file about a role, which may have either suffix."""
    paths = [role / f"meta/{stem}{suffix}" for suffix in (".yml", ".yaml")]
    return next((path for path in paths if path.is_file()), paths[0])


# --- Dependencies ---


def _with_dependencies(role: Path) -> list[Path]:
    """List a role and the roles it depends on, at any distance."""
    roles = [role]
    for each in roles:
        found = (find_dependency(each, dependency) for dependency in dependencies_of(each))
        roles += [other for other in dict.fromkeys(found) if other not in roles]
    return roles


def dependencies_of(role: Path) -> list[Any]:
    """List what a role depends on, as its meta file has it.

    :raises CatalogueError: when the file is no mapping
    """
    return list(load_yaml(meta_file(role, "main")).get("dependencies") or [])


def find_dependency(role: Path, dependency: Any) -> Path:
    """Find the folder of a role that another depends on.

    :raises CatalogueError: when it is not found, or brings tasks
    """
    name = str(dependency.get("role", dependency.get("name")) if isinstance(dependency, dict) else dependency)
    folders = (role.parent, *map(Path, map(os.path.expanduser, DEFAULT_ROLES_PATH)))
    found = (folder / name.removeprefix(f"{collection_of(role)}.") for folder in folders)
    path = next((path for path in found if path.is_dir()), None)
    if path is None:
        raise CatalogueError(
            f"{meta_file(role, 'main')}: the role depends on {name}, which is neither beside it nor where Ansible "
            "looks for roles; a plan contains all the roles it runs. Put it there, or remove the dependency."
        )
    if any((path / "tasks" / f"main{suffix}").is_file() for suffix in (".yml", ".yaml")):
        raise CatalogueError(
            f"{meta_file(role, 'main')}: the role depends on {name}, which has tasks; they would run with "
            "every step. Import what you need in the step that needs it, and keep dependencies for variables."
        )
    return path.resolve()


def collection_of(role: Path) -> str:
    """Name the collection that a role belongs to, or nothing."""
    if role.parent == COLLECTION_ROLES.resolve():
        return COLLECTION
    *_parents, root, namespace, collection, roles, _name = ("", "", "", "", *role.parts)
    return f"{namespace}.{collection}" if (root, roles) == ("ansible_collections", "roles") else ""


# --- YAML files ---


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping; an empty one where there is no such file.

    :raises CatalogueError: when the file is something else
    """
    try:
        data = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise CatalogueError(f"{where}: not YAML: {getattr(exc, 'problem', None) or exc}.") from exc
    if not isinstance(data, dict):
        raise CatalogueError(f"{path}:1: expected a mapping.")
    return data
