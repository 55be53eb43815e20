"""A small world for tests that read roles: services and tasks on disk, and what comes of them."""

from __future__ import annotations

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
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import (
    read_handlers,
    read_part,
    split_by_step,
)

if TYPE_CHECKING:
    from pathlib import Path


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

    def copied(self) -> Path:
        """Write the plan, and give the copy of the role web in it."""
        return self.put(self.folder.parent / "plan").parent / "roles/orderly_plan_web"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class Role:
    """The task files of a role."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str, name: str = "tasks/upgrade_tasks.yml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def split(self, text: str) -> dict[int, str]:
        return split_by_step(self.write(text)).steps

    def part(self, text: str) -> str:
        return read_part(self.write(text, "tasks/drain.yml"))

    def findings(self, text: str, name: str = "tasks/upgrade_tasks.yml") -> list[str]:
        path = self.write(text, name)
        read = {"upgrade_tasks": split_by_step, "main": read_handlers}.get(path.stem, read_part)
        with pytest.raises(FindingsError) as caught:
            read(path)
        return [str(finding).removeprefix(f"{self.folder}/") for finding in caught.value.findings]
