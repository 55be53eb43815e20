"""A service, and how its ``meta/service.yml`` is read.

:data:`SETTINGS` is the one table of its keys: the reader checks with it, ``docs/service.schema.json`` is made of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.errors import ControllerError
from .steps import ORDERLY, ROLL_PARTS, UPGRADE_TASKS

if TYPE_CHECKING:
    from .deb_version import Constraint

SERVICE_FILE = "meta/service.yml"
DEFAULT_STAGE = "default"  # of services that name none
DATA = "orderly_services"
"""The variable of the inventory that defines services without roles."""


class CatalogueError(ControllerError):
    """A service role or a setting cannot be used: where it stands, what was expected."""


@dataclass(frozen=True)
class Condition:
    """What the versions of a package must be for a dependency to count, over the hosts of its two services."""

    package: str
    installed: Constraint | None = None  # the lowest version that is installed
    candidate: Constraint | None = None  # the highest that apt would install

    def holds(self, installed: str, candidate: str) -> bool:
        """Tell whether versions are so."""
        asked = ((self.installed, installed), (self.candidate, candidate))
        return all(constraint is None or constraint.holds(version) for constraint, version in asked)

    def plain(self) -> dict[str, str]:
        """Give it as it is written in ``meta/service.yml``."""
        constraints = {"installed": self.installed, "candidate": self.candidate}
        return {"package": self.package, **{key: str(each) for key, each in constraints.items() if each}}

    def __str__(self) -> str:
        package, *constraints = self.plain().items()
        return " and ".join(f"{package[1]} {key} {constraint}" for key, constraint in constraints)


@dataclass(frozen=True)
class Dependency:
    """A service that must be done, on all its hosts, before another one changes.

    With a ``step`` it must be done up to that step. Steps 2 to 5 are one unit: with any of them the other service waits
    for the last wave, but not for what step 6 does after it. With a condition it counts where that is known to hold.
    """

    service: str
    step: int | None = None
    when: Condition | None = None
    holds: bool | None = None  # what a survey says about the condition

    @property
    def counts(self) -> bool:
        """Tell whether it is known to give an order."""
        return self.when is None or self.holds is True

    def plain(self) -> str | dict[str, Any]:
        """Give it as it is written in ``meta/service.yml``, and whether its condition holds where that is known."""
        if self.step is None and self.when is None:
            return self.service
        more = {"step": self.step, "when": self.when and self.when.plain(), "holds": self.holds}
        return {"service": self.service, **{key: value for key, value in more.items() if value is not None}}

    def __str__(self) -> str:
        step = "" if self.step is None else f" (step {self.step})"
        return f"{self.service}{step}" + (f" (when {self.when})" if self.when else "")


@dataclass(frozen=True)
class Service:
    """What a service says about itself; the fields are those of ``meta/service.yml``, plus where its role is.

    With *is_data* the role is made of what ``orderly_services`` says.
    """

    name: str
    role: str
    path: Path
    group: str
    units: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    bundle: str | None = None
    stage: str = DEFAULT_STAGE
    after: tuple[Dependency, ...] = ()
    requires: tuple[Dependency, ...] = ()
    max_unavailable: int | str = 1
    failure_budget: int = 0
    full_stop: bool = False
    keeps_majority: bool | None = None  # else settings, and so plans, are as before there was such a key
    deferred_actions: tuple[str, ...] = ("stop", "restart", "try-restart")
    deferral: str = "block"
    dialect: str = ORDERLY
    is_data: bool = False

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """List what must be done before this service changes, as far as that is known."""
        return tuple(each for each in (*self.after, *self.requires) if each.counts)

    @property
    def befores(self) -> tuple[str, ...]:
        """Name the services that this one comes after."""
        return tuple(dict.fromkeys(dependency.service for dependency in self.dependencies))

    @property
    def is_shipped(self) -> bool:
        """Tell whether its role is one of this collection."""
        return self.role.startswith("orderly.services.")

    @property
    def by_recipe(self) -> bool:
        """Tell whether the recipe of services as data upgrades it: its role names packages, and no tasks for them."""
        return bool(self.packages) and not self.is_data and self.tasks_file(UPGRADE_TASKS) is None

    @property
    def is_upgraded(self) -> bool:
        """Tell whether an upgrade has something to do."""
        return self.by_recipe or self.tasks_file(UPGRADE_TASKS) is not None

    @property
    def file(self) -> Path:
        """Give the path of the file that says all this."""
        return self.path / SERVICE_FILE

    @property
    def source(self) -> str:
        """Name what says all this, and who can change it: the file, or the inventory where the role is made of data."""
        return f"{DATA}.{self.name}" if self.is_data else str(self.file)

    def tasks_file(self, name: str) -> Path | None:
        """Find a task file of the role, ``drain`` say; None where the role has none."""
        return self.role_file("tasks", name)

    def role_file(self, folder: str, name: str) -> Path | None:
        """Find a YAML file of the role; None where the role has none."""
        found = (self.path / folder / f"{name}{suffix}" for suffix in (".yml", ".yaml"))
        return next((path for path in found if path.is_file()), None)

    def settings(self) -> dict[str, Any]:
        """Give the settings as plain data, as they would stand in ``meta/service.yml``."""
        keys = (field.name for field in fields(self) if field.name not in ("name", "role", "path", "is_data"))
        values = ((key, plain(getattr(self, key))) for key in keys)
        return {key: value for key, value in values if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for playbooks, with the optional task files the role has."""
        parts = {part: self.tasks_file(part) is not None for part in ROLL_PARTS}
        where = {"name": self.name, "role": includable(self.role), "path": str(self.path)}
        return {**where, **self.settings(), "has": parts}


def includable(role: str) -> str:
    """Give the name by which ``include_role`` finds a role that may be a path, wherever it is included.

    In a role of a collection Ansible takes a path for the name of a role of that collection, which then lacks its own
    filters and modules, unless there is a dot in it. A path below the home is shown by the name of its role alone.
    """
    if not os.path.isabs(role):
        return role
    path, home = Path(role), os.path.realpath(os.path.expanduser("~"))
    if path.is_relative_to(home) and "$" not in role:  # Ansible would put a variable of the environment there
        return f"~/{path.relative_to(home)}"
    return f"{path.parent}/./{path.name}"


def plain(value: Any) -> Any:
    """Give a setting as it is written in YAML."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value.plain() if isinstance(value, Dependency) else value
