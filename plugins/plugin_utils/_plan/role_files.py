"""The files of a role and of all that it brings along, as a plan hashes and copies them."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.constants import DEFAULT_ROLES_PATH

from .._service.catalogue import COLLECTION_ROLES
from .._service.recipe import upgrade_text
from .._service.service import CatalogueError
from .._service.steps import PARTS, ROLL_PARTS, UPGRADE_TASKS
from .._tasks.files import IMPORT_TASKS, INCLUDE_TASKS, entry, file_name, label, named_file, read_tasks
from .._tasks.findings import Finding, FindingsError
from .._tasks.roles import SUFFIXES, collection_of, find_role, meta_file, role_used, roles_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .._service.service import Service
    from .._tasks.files import TaskFile
    from .._tasks.roles import RoleUse

COMPILED = shutil.ignore_patterns("__pycache__", "*.pyc")
NOT_OF_THE_ROLE = shutil.ignore_patterns(
    ".*", "molecule", "tests"
)  # at its top; files/.profile is the role's own
PLUGIN_FOLDERS = (
    "action_plugins", "connection_plugins", "filter_plugins", "library", "lookup_plugins", "module_utils",
    "test_plugins",
)  # fmt: skip


def hashes_of(service: Service) -> dict[str, str]:
    """Hash the files of a role, and what it brings along; the same files hash the same wherever they are.

    Each is named by its place as seen from the copy of the role: ``../common/tasks/main.yml`` is another role's.

    :raises CatalogueError: when a plan cannot copy one of these roles
    :raises FindingsError: when one is not found
    """
    files = dict(files_of(service.path))
    for name, role in roles_along(service).items():
        files |= {f"../{name}/{each}": path for each, path in files_of(role)}
    for name, folder in plugins_beside(service).items():
        files |= {f"../../{name}/{each}": path for each, path in files_of(folder)}
    hashes = {name: _hash(path.read_bytes()) for name, path in files.items()}
    if service.by_recipe:
        hashes[f"tasks/{UPGRADE_TASKS}.yml"] = _hash(upgrade_text(service).encode())
    return hashes


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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


# --- What comes along ---


def plugins_beside(service: Service) -> dict[str, Path]:
    """Find the folders of filters, modules and the like beside the folder that a role is in, by name."""
    roles = service.path.parent
    if roles.name != "roles" or collection_of(service.path):
        return {}
    return {name: folder for name in PLUGIN_FOLDERS if (folder := roles.with_name(name)).is_dir()}


def roles_along(service: Service) -> dict[str, Path]:
    """Find the roles that a service's role runs or depends on, at any distance, by the names that are used.

    :raises FindingsError: when one is not found, or a file is named that no copy of a role has
    """
    walk = _Along(service.path)
    walk.follow((UPGRADE_TASKS, *PARTS, "../handlers/main"))
    if walk.findings:
        raise FindingsError(walk.findings)
    return walk.roles


def beside_alone(service: Service) -> dict[str, str]:
    """Name the roles that a roll would not find, with who asks for them: they are beside the service's role alone.

    A roll runs the role where it is, so that Ansible looks for roles beside the playbook and in its usual places. A
    plan brings what is beside the role.
    """
    walk = _Along(service.path)
    walk.follow(ROLL_PARTS)
    usual = {Path(place).expanduser().resolve() for place in DEFAULT_ROLES_PATH}
    return {
        name: walk.asked_by[name]
        for name, role in walk.roles.items()
        if name in walk.asked_by and not collection_of(role) and role.parent not in usual
    }


@dataclass
class _Along:
    """One walk over all that a role runs; what is reached through a template may never run, and may be missing."""

    home: Path
    roles: dict[str, Path] = field(default_factory=dict)
    asked_by: dict[str, str] = field(default_factory=dict)  # of those that were asked for by name
    findings: list[Finding] = field(default_factory=list)

    def follow(self, stems: Iterable[str]) -> None:
        """Walk from some of the role's files with tasks."""
        self._queue: list[tuple[Path, Path, bool]] = []
        self._seen: set[Path] = set()
        for stem in stems:
            for path in (self.home / "tasks" / f"{stem}{suffix}" for suffix in SUFFIXES):
                if path.is_file():
                    self._look_into(path.resolve().parent, path.resolve())
        self._need(self.home)
        while self._queue:
            folder, path, surely = self._queue.pop()
            try:
                file = read_tasks(path)
                for task in file.walk():
                    self._see(folder, file, task, surely=surely)
            except FindingsError as exc:
                self.findings += exc.findings if surely else ()

    def _look_into(self, folder: Path, path: Path, *, surely: bool = True) -> None:
        if path not in self._seen and path.is_file():
            self._seen.add(path)
            self._queue.append((folder, path, surely))

    def _see(self, folder: Path, file: TaskFile, task: Any, *, surely: bool) -> None:
        if (name := file_name(task, *IMPORT_TASKS, *INCLUDE_TASKS)) is not None:
            target = named_file(folder, file, name)
            if target is not None:
                self._name(folder, file, task, target, surely=surely)
            elif "{{" in name.value:
                for path in (path for suffix in SUFFIXES for path in sorted(folder.rglob(f"*{suffix}"))):
                    self._look_into(folder, path.resolve(), surely=False)
        if (use := role_used(task)) is not None:
            self._run(folder.parent, file, use, surely=surely)

    def _name(self, folder: Path, file: TaskFile, task: Any, target: Path, *, surely: bool) -> None:
        """Follow a task to a file, which must be where the copy has it too."""
        role = folder.parent
        beside = target.relative_to(role.parent).parts[0] if target.is_relative_to(role.parent) else ""
        split = file.path.stem == UPGRADE_TASKS and entry(task, *IMPORT_TASKS)  # whose text is taken over
        if target.is_relative_to(role) or split:
            self._look_into(folder, target, surely=surely)
        elif (role.parent / beside / "tasks").is_dir():
            self._bring(beside, role.parent / beside)
            self._look_into(role.parent / beside / "tasks", target, surely=surely)
        elif surely:
            message = (
                f"{label(task)} names {target}, which is outside of the role; a plan brings whole roles, and would not "
                "find it. Move it into this role, or into one that this role includes."
            )
            self.findings.append(file.finding(task, "outside", message))

    def _run(self, role: Path, file: TaskFile, use: RoleUse, *, surely: bool) -> None:
        found = None if use.is_template else find_role(role, use.name)
        if found is not None:
            self._bring(use.name, found)
            if not use.by_path:
                self.asked_by.setdefault(use.name, f"{file.path}: {use.asked_by}")
            for path in use.files_of(found):
                self._look_into(found / path.relative_to(found).parts[0], path, surely=surely)
        elif surely:
            self.findings.append(file.finding(use.node, "role", f"{use.asked_by} {_missing(use)}"))

    def _bring(self, name: str, role: Path) -> None:
        if name not in self.roles:
            self.roles[name] = role
            self._need(role)

    def _need(self, role: Path) -> None:
        """Bring what a role depends on."""
        file = meta_file(role, "main")
        for use in roles_needed(role):
            found = None if use.is_template else find_role(role, use.name)
            tasks = found is not None and any(
                (found / f"tasks/main{suffix}").is_file() for suffix in SUFFIXES
            )
            if found is None or (tasks and role == self.home):
                why = _missing(use) if found is None else f"{use.name}, {_TASKS}"
                line = use.node.start_mark.line + 1
                self.findings.append(Finding(file, line, "role", f"{use.asked_by} {why}"))
            else:
                self._bring(use.name, found)
                for path in use.files_of(found):
                    self._look_into(found / path.relative_to(found).parts[0], path)


_TASKS = (
    "which has tasks; they would run with every step. Import what you need in the step that needs it, and keep "
    "dependencies for variables."
)


def _missing(use: RoleUse) -> str:
    if use.is_template:
        return (
            f"a role whose name is a template, {use.name}; a plan brings the roles it runs, and nobody knows yet which "
            "that is. Write its name, once for each role if there are several."
        )
    if not use.name:
        return "a role without a name. Write it: name: ROLE."
    return (
        f"the role {use.name}, which is neither beside it nor where Ansible looks for roles "
        f"({', '.join(DEFAULT_ROLES_PATH)}); a plan brings all the roles it runs. Put it there, or correct the name."
    )


def check_names(along: dict[str, dict[str, Path]]) -> None:
    """Refuse two roles of one name: a plan holds one of each.

    :raises CatalogueError: when two services bring different ones, or one that Ansible would not take
    """
    first: dict[str, tuple[str, Path]] = {}
    for service, roles in along.items():
        for name, role in roles.items():
            other, there = first.setdefault(name, (service, role))
            if there != role:
                raise CatalogueError(
                    f"{service} uses the role {role}, and {other} uses {there}; a plan holds one role of a name. "
                    "Rename one of them."
                )
            if "." not in name and (COLLECTION_ROLES / name).is_dir() and not collection_of(role):
                raise CatalogueError(
                    f"{service} uses the role {role}, but Ansible would take the one of that name in this collection, "
                    f"{COLLECTION_ROLES / name}. Rename it."
                )


def copied_along(service: Service) -> dict[str, Path]:
    """Give the roles that a plan copies, by name; those of collections are where Ansible finds them anyway."""
    return {name: role for name, role in roles_along(service).items() if not collection_of(role)}


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
