"""The copy of a role in a plan, with one task file for each step."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from .._plan.deployments import split_upgrade_tasks
from .._plan.role_files import copied_along, files_of, load_yaml, plugins_beside
from .._service.service import SERVICE_FILE
from .._service.steps import PARTS, UPGRADE_TASKS, step_file
from .._tasks.roles import collection_of, meta_file
from .._tasks.split import Split, read_part
from .change import Role, work_files
from .yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from .._plan.plan import PlannedService
    from .._service.service import Service

Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # written in C it writes many times faster


def _copy(role: Path, target: Path, leave_out: Container[str] = ()) -> None:
    for name, path in files_of(role):
        if name in leave_out:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target / name)
        # A file that its owner may not write, or that others may, is neither here.
        (target / name).chmod(0o600 | path.stat().st_mode & 0o755)


def copy_along(services: Iterable[Service], folder: Path) -> None:
    """Copy what the roles of services need besides: other roles, each under its own name, and plugins."""
    services = tuple(services)
    roles = {name: role for service in services for name, role in copied_along(service).items()}
    for name, role in roles.items():
        _copy(role, folder / "roles" / name, leave_out=(SERVICE_FILE,))  # it is no service here
    plugins = {path: name for service in services for name, path in plugins_beside(service).items()}
    for path, name in plugins.items():
        _copy(path, folder / name)


def copy_role(service: Service, target: Path) -> None:
    """Copy the role of a service, its upgrade tasks split by step."""
    _copy(service.path, target)
    split = split_upgrade_tasks(service)
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


def write_tasks(name: str, service: PlannedService, target: Path) -> None:
    """Write what the role does in one go, over the files that are there."""
    tasks = target / "tasks"
    files = {path.stem: path.name for path in tasks.iterdir() if path.suffix in (".yml", ".yaml")}
    checked = load_yaml(_specs_file(target)).get("argument_specs") or {}
    role = Role(name, service, files, checked.keys())
    for stem, listed in work_files(role).items():
        (tasks / f"{stem}.yml").write_text("---\n" + yaml_text(listed), encoding="utf-8")


def _write_meta(service: Service, role: Path, split: Split) -> None:
    """Write what makes the copy behave as the role did: whose short names it may use, which arguments it checks."""
    (role / "meta").mkdir(exist_ok=True)
    main = load_yaml(meta_file(role, "main"))
    collections = list(main.get("collections") or [])
    if origin := collection_of(service.path):
        collections.insert(0, origin)
    main |= {"collections": list(dict.fromkeys(collections))}
    # The service's own words; the settings that the plan was made with are in plan.json.
    (role / "meta/service.yml").write_text(_service_text(service), encoding="utf-8")
    _dump(meta_file(role, "main"), main)
    specs = load_yaml(_specs_file(role))
    entry = (specs.get("argument_specs") or {}).pop(UPGRADE_TASKS, None)
    if entry and split.steps:
        specs["argument_specs"][step_file(min(split.steps))] = entry
        _dump(_specs_file(role), specs)


def _specs_file(role: Path) -> Path:
    """Find where a role says which arguments Ansible checks: in a file of its own, or else with all about the role.

    So does Ansible, in ``Role._get_role_argspecs``.
    """
    own = meta_file(role, "argument_specs")
    return own if own.is_file() else meta_file(role, "main")


def _service_text(service: Service) -> str:
    return "---\n" + _yaml({"service": service.name, **service.settings()})


def _dump(path: Path, data: Any) -> None:
    path.write_text("---\n" + _yaml(data), encoding="utf-8")


def _yaml(data: Any) -> str:
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False)
    return text
