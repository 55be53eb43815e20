# This is a private utility of the orderly.services collection; it may change without notice.
"""The plan's folder: ``plan.json``, ``upgrade.yml``, ``plan.html`` and the roles that the playbook runs.

A folder is self-contained: it can be kept, read, and run again by itself. Its roles are copies with names of their
own, because a collection's role would win over a copy of the same name when the playbook runs by its full name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from ansible.constants import DEFAULT_ROLES_PATH

from ._catalogue import COLLECTION, COLLECTION_ROLES, PLAN_FILE
from ._estimate import by_play
from ._findings import Finding, FindingsError
from ._lint import lint
from ._plan_change import CHANGE_FILE, FINALIZE_FILE, Role, change_tasks, finalize_tasks
from ._plan_page import read_task_words, render_page
from ._plan_playbook import groups_of, render, render_group
from ._planner import FINALIZE, KIND_OF_STEP, Deployment, finalizes
from ._service import PARTS, UPGRADE_TASKS, CatalogueError
from ._steps import CHANGE_STEPS, MIGRATE_STEP, RUN_ONCE_HOST, step_file
from ._task_files import is_point_of_no_return, read_tasks
from ._tasks import Split, read_handlers, read_part, split_by_step
from ._words import read_words
from ._yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ._planner import Plan
    from ._service import Service

Source = TypeVar("Source")
Content = TypeVar("Content")

PLAYBOOK = "upgrade.yml"
PAGE = "plan.html"
COMPILED = shutil.ignore_patterns("__pycache__", "*.pyc")
NOT_OF_THE_ROLE = shutil.ignore_patterns(
    ".*", "molecule", "tests"
)  # at its top; files/.profile is the role's own


def read_deployments(
    services: Iterable[Service], members: Mapping[str, tuple[str, ...]]
) -> tuple[Deployment, ...]:
    """Read the task files of the services; raises :class:`FindingsError` with all that is wrong in any of them."""
    findings: list[Finding] = []
    services = tuple(services)
    splits = {service.name: _read(_split, service, Split({}), findings) for service in services}
    deployments = tuple(
        _deployment(each, splits[each.name], members[each.name], findings) for each in services
    )
    if not findings:  # what cannot be read cannot be looked at
        findings += lint(read_words(service, splits[service.name]) for service in services)
    if findings:
        raise FindingsError(findings)
    return deployments


def _deployment(
    service: Service, split: Split, hosts: tuple[str, ...], findings: list[Finding]
) -> Deployment:
    parts = {part: path for part in PARTS if (path := service.tasks_file(part)) is not None}
    for path in parts.values():
        _read(read_part, path, "", findings)
    no_return = {KIND_OF_STEP[each.step] for each in split.tasks if is_point_of_no_return(each.task)}
    if "finalize" in parts and not findings:
        no_return |= {
            FINALIZE for task in read_tasks(parts["finalize"]).walk() if is_point_of_no_return(task)
        }
    return Deployment(
        service=service,
        hosts=hosts,
        steps=frozenset(split.steps),
        parts=frozenset(parts),
        handlers=_read(read_handlers, service.role_file("handlers", "main"), (), findings),
        migrates_once=RUN_ONCE_HOST in split.steps.get(MIGRATE_STEP, "") + "".join(split.imported.values()),
        no_return=frozenset(no_return),
        files=_hashes(service),
    )


def _read(
    reader: Callable[[Source], Content], source: Source | None, nothing: Content, findings: list[Finding]
) -> Content:
    """Read something, if it is there; what is wrong with it joins the findings of others."""
    try:
        return reader(source) if source is not None else nothing
    except FindingsError as exc:
        findings += exc.findings
        return nothing


def _split(service: Service) -> Split:
    path = service.tasks_file(UPGRADE_TASKS)
    return split_by_step(path, service.dialect) if path is not None else Split({})


def _hashes(service: Service) -> dict[str, str]:
    """Hash the files of a role, and of those it depends on; the same files hash the same wherever they are."""
    role, *dependencies = _with_dependencies(service.path)
    hashes = {name: _hash(path) for name, path in _files(role)}
    for each in dependencies:
        hashes |= {f"{each.name}/{name}": _hash(path) for name, path in _files(each)}
    return hashes


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _files(role: Path) -> Iterator[tuple[str, Path]]:
    """Give the files of a role's folder, as a copy of it has them: links are followed."""
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
                    f"{path} is no file, or a link to none; a plan cannot copy it. Mend or remove it."
                )
            yield str(path.relative_to(role)), path


def _copy(role: Path, target: Path) -> None:
    for name, path in _files(role):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target / name)


def _left_out(role: Path) -> Callable[[str, list[str]], set[str]]:
    """Tell what of a role's folder is no part of the role."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        return COMPILED(folder, names) | (NOT_OF_THE_ROLE(folder, names) if Path(folder) == role else set())

    return ignore


# --- Writing ---


def write_plan(
    plan: Plan, services: Iterable[Service], folder: Path, seconds: Mapping[str, float] | None = None
) -> Path:
    """Write the folder of a plan, and give the path of its playbook.

    The folder appears as a whole or not at all; one that holds this plan unchanged is left as it is. *seconds* tells
    the page, and nothing else, how long parts and steps (``SERVICE/PART``, ``SERVICE/step3``) took the last time.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            new = Path(scratch, "plan")
            _write_files(plan, services, new, seconds or {})
            if not folder.exists() or _contents(new) != _contents(folder):
                _put(new, folder, Path(scratch, "old"))
    except OSError as exc:
        raise CatalogueError(
            f"The plan cannot be written to {folder}: {exc}. Set plan_dir to a folder of yours."
        ) from exc
    return folder / PLAYBOOK


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: b"" if name == PAGE else path.read_bytes() for name, path in _files(folder)}


def _put(new: Path, folder: Path, aside: Path) -> None:
    if folder.exists():
        if any(folder.iterdir()) and not (folder / PLAN_FILE).is_file():
            raise CatalogueError(
                f"{folder} holds something else than a plan; set plan_dir to a new or empty folder."
            )
        folder.rename(aside)
    new.rename(folder)


def _write_files(plan: Plan, services: Iterable[Service], folder: Path, seconds: Mapping[str, float]) -> None:
    folder.mkdir()
    (folder / PLAN_FILE).write_text(plan.as_json(), encoding="utf-8")
    (folder / PLAYBOOK).write_text(render(plan), encoding="utf-8")
    for group in groups_of(plan):
        (folder / f"upgrade-{group}.yml").write_text(render_group(plan, group), encoding="utf-8")
    for service in services:
        words = plan.services[service.name]
        target = folder / "roles" / words["role"]
        _copy_role(service, target)
        _write_tasks(service.name, words, target)
    data = json.loads(plan.as_json())
    news = {**_news(plan), "seconds": by_play(data["plays"], seconds), "took": seconds}
    page = render_page(data, read_task_words(data, folder), news)
    (folder / PAGE).write_text(page, encoding="utf-8")


def _news(plan: Plan) -> dict[str, Any]:
    if plan.survey is None:
        return {}
    packages = {name: plan.survey.by_host(name) for name in plan.services}
    return {"approve": plan.hash, "surveyed": plan.surveyed, "packages": packages}


def _copy_role(service: Service, target: Path) -> None:
    _copy(service.path, target)
    split = _split(service)
    tasks = target / "tasks"
    tasks.mkdir(parents=True, exist_ok=True)
    for step, text in split.steps.items():
        (tasks / f"{step_file(step)}.yml").write_text(text, encoding="utf-8")
    for name, text in split.imported.items():
        (tasks / name).write_text(text, encoding="utf-8")
    for part in PARTS:
        if (path := service.tasks_file(part)) is not None:
            (tasks / path.name).write_text(read_part(path), encoding="utf-8")
    for suffix in (".yml", ".yaml"):
        (tasks / f"{UPGRADE_TASKS}{suffix}").unlink(missing_ok=True)
    _write_meta(service, target, split)


def _write_tasks(name: str, service: Mapping[str, Any], target: Path) -> None:
    """Write what the role does in one go, over the files that are there."""
    tasks = target / "tasks"
    files = {path.stem: path.name for path in tasks.iterdir() if path.suffix in (".yml", ".yaml")}
    checked = _load(_specs_file(target)).get("argument_specs") or {}
    role = Role(name, service, files, checked.keys())
    if not set(CHANGE_STEPS).isdisjoint(service["steps"]):
        _write_yaml(tasks / f"{CHANGE_FILE}.yml", change_tasks(role))
    if finalizes(service["parts"]):
        _write_yaml(tasks / f"{FINALIZE_FILE}.yml", finalize_tasks(role))


def _write_yaml(path: Path, tasks: list[dict[str, Any]]) -> None:
    path.write_text("---\n" + yaml_text(tasks), encoding="utf-8")


def _write_meta(service: Service, role: Path, split: Split) -> None:
    """Write what makes the copy behave as the role did: whose short names it may use, which arguments it checks."""
    (role / "meta").mkdir(exist_ok=True)
    main = _load(_meta_file(role, "main"))
    collections = list(main.get("collections") or [])
    if origin := _collection_of(service.path):
        collections.insert(0, origin)
    main |= {"collections": list(dict.fromkeys(collections))}
    if main.get("dependencies"):
        main["dependencies"] = _copy_dependencies(service.path, role)
    # The service's own words; the settings that the plan was made with are in plan.json.
    (role / "meta/service.yml").write_text(_service_text(service), encoding="utf-8")
    _dump(_meta_file(role, "main"), main)
    specs = _load(_specs_file(role))
    entry = (specs.get("argument_specs") or {}).pop(UPGRADE_TASKS, None)
    if entry and split.steps:
        specs["argument_specs"][step_file(min(split.steps))] = entry
        _dump(_specs_file(role), specs)


def _meta_file(role: Path, stem: str) -> Path:
    """Find a file about a role, which may have either suffix."""
    paths = [role / f"meta/{stem}{suffix}" for suffix in (".yml", ".yaml")]
    return next((path for path in paths if path.is_file()), paths[0])


def _specs_file(role: Path) -> Path:
    """Find where a role says which arguments Ansible checks: in a file of its own, or else with all about the role.

    So does Ansible, in ``Role._get_role_argspecs``.
    """
    own = _meta_file(role, "argument_specs")
    return own if own.is_file() else _meta_file(role, "main")


def _service_text(service: Service) -> str:
    return "---\n" + yaml.safe_dump({"service": service.name, **service.settings()}, sort_keys=False)


# --- Dependencies ---


def _with_dependencies(role: Path) -> list[Path]:
    """List a role and the roles it depends on, at any distance."""
    roles = [role]
    for each in roles:
        found = (_find_dependency(each, dependency) for dependency in _dependencies(each))
        roles += [other for other in dict.fromkeys(found) if other not in roles]
    return roles


def _dependencies(role: Path) -> list[Any]:
    return list(_load(_meta_file(role, "main")).get("dependencies") or [])


def _find_dependency(role: Path, dependency: Any) -> Path:
    """Find the folder of a role that another depends on; raises where it is not found, or brings tasks."""
    name = str(dependency.get("role", dependency.get("name")) if isinstance(dependency, dict) else dependency)
    folders = (role.parent, *map(Path, DEFAULT_ROLES_PATH))
    found = (folder.expanduser() / name.removeprefix(f"{_collection_of(role)}.") for folder in folders)
    path = next((path for path in found if path.is_dir()), None)
    if path is None:
        raise CatalogueError(
            f"{_meta_file(role, 'main')}: the role depends on {name}, which is not beside it nor where Ansible looks "
            "for roles; a plan brings all the roles it runs. Put it there, or take it out."
        )
    if any((path / "tasks" / f"main{suffix}").is_file() for suffix in (".yml", ".yaml")):
        raise CatalogueError(
            f"{_meta_file(role, 'main')}: the role depends on {name}, which has tasks; they would run with "
            "every step. Import what you need in the step that needs it, and keep dependencies for variables."
        )
    return path.resolve()


def _copy_dependencies(role: Path, copy: Path) -> list[Any]:
    """Copy the roles that a role depends on under names of the copy's own; gives its dependencies by those names."""
    renamed: list[Any] = []
    for dependency in _dependencies(role):
        path = _find_dependency(role, dependency)
        target = copy.with_name(f"{copy.name}_{path.name}")
        if not target.exists():
            _copy(path, target)
            (target / "meta").mkdir(parents=True, exist_ok=True)
            main = _load(_meta_file(path, "main"))
            dependencies = _copy_dependencies(path, target)
            _dump(_meta_file(target, "main"), {**main, "dependencies": dependencies})
        settings = dependency if isinstance(dependency, dict) else {}
        renamed.append(
            {"role": target.name} | {key: settings[key] for key in settings if key not in ("role", "name")}
        )
    return renamed


def _collection_of(role: Path) -> str:
    """Name the collection that a role belongs to, or nothing."""
    if role.parent == COLLECTION_ROLES.resolve():
        return COLLECTION
    *_parents, root, namespace, collection, roles, _name = ("", "", "", "", *role.parts)
    return f"{namespace}.{collection}" if (root, roles) == ("ansible_collections", "roles") else ""


# --- YAML files ---


def _load(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def _dump(path: Path, data: Any) -> None:
    path.write_text("---\n" + yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
