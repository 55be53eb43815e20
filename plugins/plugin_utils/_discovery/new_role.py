"""Where a new service role goes, how it may be called, and how it is written: all of it or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.errors import ControllerError
from .._common.places import open_to_others
from .._service.catalogue import inventory_sources
from .proposed_names import as_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._service.service import Service

NAME = re.compile("[a-z][a-z0-9_]*")
LONGEST = 100


class NewRoleError(ControllerError):
    """A role cannot be begun: why, and what to do."""


def check_name(name: str | None, known: Iterable[Service], groups: Mapping[str, Iterable[str]]) -> str:
    """Insist on a name that roles, variables and groups can have, and that no other service has; gives it."""
    if not name:
        raise NewRoleError(
            "new_service_name is not set. Say what the service is called: -e new_service_name=NAME."
        )
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        meant = as_name(name)
        perhaps = f" Did you mean {meant}?" if meant != name and NAME.fullmatch(meant) else ""
        raise NewRoleError(
            f"new_service_name is {name!r}; expected at most {LONGEST} small letters, digits and underscores, a letter "
            f"first, as roles, groups and variables are called.{perhaps}"
        )
    if name in groups.get("all", ()):
        raise NewRoleError(
            f"new_service_name is {name}, and so is a host of the inventory. Take another name."
        )
    for service in known:
        if service.name == name and not service.is_data and not service.is_shipped:
            raise NewRoleError(
                f"The role {service.path} is the service {name} already. Change that role, or take another name."
            )
    return name


def place_of_roles(variables: Mapping[str, Any], named: str | None) -> Path:
    """Give the folder for the roles of this inventory, where they are found: the one that is named, or beside it.

    :raises NewRoleError: where there is none, and where others could put roles beside it, which then are not used
    """
    inventories = [Path(source).absolute() for source in inventory_sources(variables)]
    if not named and not inventories:
        raise NewRoleError(
            "There is nothing that roles could stand beside, as the inventory is a list of hosts. Name a folder: "
            "-e new_service_roles=PATH."
        )
    beside = [inventory.parent / "roles" for inventory in inventories]
    roles = Path(named).absolute() if named else next((each for each in beside if each.is_dir()), beside[0])
    inside = next((each for each in inventories if each.is_dir() and roles.is_relative_to(each)), None)
    if inside:
        raise NewRoleError(
            f"Roles in {roles} would lie inside the inventory folder {inside}, of which Ansible reads every file as an "
            f"inventory. Name another folder, {inside.parent}/roles for example, with -e new_service_roles=PATH."
        )
    if why := open_to_others(roles, everybody=True):
        raise NewRoleError(
            f"Roles in {roles} would not be used: {why}. Name another folder with new_service_roles."
        )
    return roles


def write_role(role: Path, files: Mapping[str, str], *, check: bool = False) -> None:
    """Write a role that is not there yet, unless this is a *check*."""
    if role.exists() or role.is_symlink():
        raise NewRoleError(
            f"{role} is there already, and stays as it is. Take another name, or move it away."
        )
    if check:
        return
    try:
        role.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=role.parent, prefix=f".{role.name}."))
    except OSError as exc:
        raise NewRoleError(f"{role} cannot be written: {exc.strerror}.") from None
    try:
        for place, text in files.items():
            (scratch / place).parent.mkdir(parents=True, exist_ok=True)
            (scratch / place).write_text(text, encoding="utf-8")
        scratch.chmod(0o755)
        scratch.rename(role)
    except OSError as exc:
        raise NewRoleError(f"{role} cannot be written: {exc.strerror}.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
