"""The service catalogue: which roles are services, and what each of them says about itself.

A role with a ``meta/service.yml`` is a service. Its settings can be overridden by inventory variables named
``<service>_<setting>``, as in ``haproxy_max_unavailable``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.constants import CONFIG_FILE, DEFAULT_ROLES_PATH
from ansible.inventory.manager import IGNORED
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

from .._common.graph import CycleError, levels
from .._common.places import open_to_others
from .._common.text import natural
from .data import read_data
from .left_out import hidden, not_read, unknown_before
from .made_roles import made_roles
from .service import DATA, SERVICE_FILE, CatalogueError, Service, plain
from .settings import OVERRIDABLE, checked, parse_service, place_of, spelled_out

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    Variables = Callable[[str, str], Any]

    """Gives the value of a variable for a host, or None where the host has none."""

display = Display()

COLLECTION = "orderly.services"
COLLECTION_ROLES = Path(__file__).parents[3] / "roles"
PLAN_FILE = "plan.json"
AUTO_RESTARTS = "enable_auto_restarts"
NONE_DEPLOYED = (
    "No service is deployed: no service role has a group with hosts in this inventory. A service runs on the hosts of "
    "the group named in its role's meta/service.yml (by default the service's own name), or in orderly_services of the "
    "inventory, which needs no role."
)


# --- Roles ---


@dataclass(frozen=True)
class RoleFolder:
    """A folder of roles; ``prefix`` is the collection that its roles belong to, with a dot, or nothing."""

    path: Path
    prefix: str = ""


def role_folders(variables: Mapping[str, Any]) -> tuple[RoleFolder, ...]:
    """List the folders that hold service roles, as the variables of a play tell.

    A plan brings its own copies of the roles: where the playbook stands beside a ``plan.json``, they are all there is.
    """
    playbook_dir = variables.get("playbook_dir")
    if is_plan(variables):
        return (RoleFolder(Path(variables["playbook_dir"]) / "roles"),)
    sources = inventory_sources(variables)
    project = [
        variables.get("inventory_dir"),
        *(source for source in sources if source.is_dir()),
        *(source.parent for source in sources),
        playbook_dir,
        *_typed_playbooks(),
        *([Path(CONFIG_FILE).parent] if CONFIG_FILE and _is_here(Path(CONFIG_FILE).parent) else []),
    ]
    beside = [Path(folder) / "roles" for folder in project if folder]
    named = [*map(_expanded, _as_list(variables.get("orderly_roles_path"), ":"))]
    usual = [*map(_expanded, DEFAULT_ROLES_PATH)]
    _tell_if_left_out(Path("roles").absolute(), (*named, *beside, *usual))
    return (
        *(RoleFolder(each) for each in (*named, *beside) if not _is_of_strangers(each, beside)),
        *map(RoleFolder, usual),
        *map(_collection_roles, _as_list(variables.get("orderly_collections"))),
        RoleFolder(COLLECTION_ROLES, f"{COLLECTION}."),
    )


def inventory_sources(variables: Mapping[str, Any]) -> list[Path]:
    """Give the files and folders of the inventory."""
    return [Path(source) for source in variables.get("ansible_inventory_sources") or () if "," not in source]


def _typed_playbooks() -> Iterator[Path]:
    """Give the folders of the playbooks on the command line; a playbook that they import has a folder of its own."""
    typed = context.CLIARGS.get("args") or ()
    yield from (
        Path(each).absolute().parent for each in typed if not isinstance(typed, str) and Path(each).is_file()
    )


def _expanded(folder: str) -> Path:
    return Path(os.path.expanduser(folder))  # unlike pathlib's it has no need of a home


def _is_here(folder: Path) -> bool:
    return os.path.realpath(folder) == os.path.realpath(os.curdir)


def _is_of_strangers(roles: Path, places: Container[Path]) -> bool:
    """Tell whether roles are found by their place alone, and others can put some there: as with ansible.cfg, no."""
    if roles.is_absolute() and roles not in places:
        return False
    # Who runs it has chosen a folder by naming an inventory in it, to whomever it belongs.
    if why := open_to_others(roles, everybody=roles in places):
        display.warning(
            f"No service roles are read from {roles.absolute()}: {why}. Name the whole path in "
            "orderly_roles_path if they are to be used."
        )
    return bool(why)


def _tell_if_left_out(here: Path, places: Iterable[Path]) -> None:
    if here not in (each.absolute() for each in places) and any(here.glob(f"*/{SERVICE_FILE}")):
        display.warning(
            f"The service roles in {here} are not used: neither the inventory, nor the playbook, nor ansible.cfg is "
            "beside them. Name the folder in orderly_roles_path if they are to be."
        )


def inside_inventory(variables: Mapping[str, Any]) -> Iterator[str]:
    """Name the folders of service roles that Ansible reads as a part of the inventory, and say what to move where."""
    named = (Path(os.path.abspath(source)) for source in inventory_sources(variables))
    inventories = [source for source in named if source.is_dir()]
    for folder in role_folders(variables):
        inventory = next((each for each in inventories if _is_read_with(each, folder.path)), None)
        if inventory and any(folder.path.glob(f"*/{SERVICE_FILE}")):
            yield (
                f"The service roles in {folder.path} lie inside the inventory folder {inventory}: Ansible reads every "
                f"file there as an inventory, and runs those that are executable on this machine. {_way_out(inventory)}"
            )


def _is_read_with(inventory: Path, roles: Path) -> bool:
    """Tell whether Ansible reads a folder as a part of an inventory; it skips some names, and ``ignore_patterns``."""
    if not roles.is_relative_to(inventory):
        return False
    return not any(IGNORED.search(os.fsencode(part)) for part in roles.relative_to(inventory).parts)


def _way_out(inventory: Path) -> str:
    if _is_here(inventory):
        return (
            f"Move the inventory, with its group_vars and host_vars, to {inventory}/inventory, and run with "
            f"-i {inventory}/inventory."
        )
    return f"Move them to {inventory.parent}/roles, beside the inventory."


def _as_list(value: str | Iterable[str] | None, separator: str | None = None) -> list[str]:
    """Give a variable that is a list, or a text with the items apart, as a list."""
    return value.split(separator) if isinstance(value, str) else list(value or ())


def _collection_roles(name: str) -> RoleFolder:
    """Find the roles of another collection, where Ansible looks for collections."""
    if not re.fullmatch(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", name):
        raise CatalogueError(
            f"orderly_collections: {name!r}; expected names of collections, as in community.general."
        )
    paths = [Path(path) for path in AnsibleCollectionConfig.collection_paths]
    homes = [path if path.name == "ansible_collections" else path / "ansible_collections" for path in paths]
    installed = (home / name.replace(".", "/") for home in homes)
    found = next((folder for folder in installed if folder.is_dir()), None)
    if found is None:
        raise CatalogueError(
            f"orderly_collections: {name} is not installed; Ansible looks for it in {', '.join(map(str, paths))}. "
            f"Install it (ansible-galaxy collection install {name}), or remove it from the list."
        )
    return RoleFolder(found / "roles", f"{name}.")


def find_services(folders: Iterable[RoleFolder]) -> tuple[Service, ...]:
    """Read every service role in the folders, in natural order of the services' names.

    One role seen through two paths counts once; two roles that register one name come back as two services.
    """
    ours = COLLECTION_ROLES.resolve()
    found: dict[Path, Service] = {}
    for folder in folders:
        for file in sorted(folder.path.glob(f"*/{SERVICE_FILE}")):
            role_path = file.parents[1].resolve()
            prefix = f"{COLLECTION}." if role_path.parent == ours else folder.prefix
            role = prefix + role_path.name if prefix else str(role_path)
            if role_path not in found:
                found[role_path] = parse_service(file.read_text(encoding="utf-8"), file, role, role_path)
    return tuple(sorted(found.values(), key=lambda service: natural(service.name)))


# --- What is deployed ---


def deployed(
    services: Iterable[Service],
    groups: Mapping[str, Iterable[str]],
    variables: Variables,
    host: str | None = None,
) -> tuple[Service, ...]:
    """Keep the services whose group has hosts, with their inventory overrides, each after those it comes after.

    Overrides are read on *host* where the service is deployed there, else on the first of its hosts.
    """
    anybody = host or min(groups.get("all") or ("",), key=natural)
    settled: dict[str, Service] = {}
    for service in without_replaced(services):
        named = variables(anybody, variable(service.name, "group")) if anybody else None
        where = f"{variable(service.name, 'group')} of {anybody}"
        group = _as_inventory_has_it(checked("group", named, where) if named else service.group, groups)
        members = groups.get(group) or ()
        if not members:
            continue
        if service.name in settled:
            raise CatalogueError(
                f'Two roles register the service "{service.name}": {settled[service.name].path} and {service.path}. '
                "Give one of them another name (key service in its meta/service.yml), or remove that role."
            )
        asked = host if host is not None and host in members else min(members, key=natural)
        settled[service.name] = override(replace(service, group=group), asked, variables)
    return in_order(settled)


def without_replaced(services: Iterable[Service]) -> list[Service]:
    """Leave out the services of this collection that a role of somebody else's replaces, which has the same name."""
    services = list(services)
    own = {service.name for service in services if not service.is_shipped}
    return [service for service in services if not (service.is_shipped and service.name in own)]


def _as_inventory_has_it(group: str, groups: Container[str]) -> str:
    """Give the name of a group as Ansible writes it where it replaces what cannot be in a variable, as a dash."""
    written = re.sub(r"[^A-Za-z0-9_]", "_", group)
    return written if group not in groups and written in groups else group


def override(service: Service, host: str, variables: Variables) -> Service:
    """Replace the settings that the inventory overrides for a host."""
    return replace(service, **overrides(service, host, variables))


def overrides(service: Service, host: str, variables: Variables) -> dict[str, Any]:
    """Give the settings that the inventory overrides for a host."""
    values = {key: variables(host, variable(service.name, key)) for key in OVERRIDABLE}
    return {
        key: checked(key, spelled_out(key, value), f"{variable(service.name, key)} of {host}")
        for key, value in values.items()
        if value is not None
    }


def override_names(service: str) -> tuple[str, ...]:
    """Name the inventory variables that override the settings of a service."""
    return tuple(variable(service, key) for key in OVERRIDABLE)


def check_agreement(service: Service, members: Iterable[str], variables: Variables) -> None:
    """Raise where the members of a service disagree about one of its settings."""
    first, *others = members
    expected = overrides(service, first, variables)
    for host in others:
        theirs = overrides(service, host, variables)
        odd = next((key for key in OVERRIDABLE if theirs.get(key) != expected.get(key)), None)
        if odd is not None:
            values = (f"{plain(each[odd])!r}" if odd in each else "not set" for each in (theirs, expected))
            raise CatalogueError(
                f"{variable(service.name, odd)} is {next(values)} on {host}, but {next(values)} on {first}; a setting "
                f"of a service must be the same on all its hosts. Set it in the variables of the group "
                f"{service.group}, and in those of no host."
            )


def variable(service: str, key: str) -> str:
    """Name the inventory variable that overrides a setting."""
    return f"{re.sub(r'[^A-Za-z0-9_]', '_', service)}_{key}"


def allows_restarts(service: Service, variables: Callable[[str], Any]) -> bool:
    """Tell whether packages may restart a service: what its host says about it, else about all services."""
    for name in (variable(service.name, AUTO_RESTARTS), AUTO_RESTARTS):
        value = variables(name)
        if value is None:
            continue
        try:
            return boolean(value)
        except TypeError:
            raise CatalogueError(f"{name} is {plain(value)!r}; expected true or false.") from None
    return True


def in_order(services: Mapping[str, Service]) -> tuple[Service, ...]:
    """Order services so that each comes after those it names.

    :raises CatalogueError: when they wait for each other
    """
    try:
        ordered = levels({name: service.befores for name, service in services.items()})
    except CycleError as exc:
        steps = zip(exc.cycle, exc.cycle[1:], strict=False)
        places = ", ".join(_place(services[name], before) for name, before in steps)
        raise CatalogueError(
            f"The services wait for each other: {exc}. Remove one of these from after or requires: {places}."
        ) from exc
    return tuple(services[name] for level in ordered for name in level)


def _place(service: Service, before: str) -> str:
    """Tell where a service says that it comes after another one."""
    key = "after" if before in {dependency.service for dependency in service.after} else "requires"
    return f"{before} in {place_of(service, key)}"


# --- Seen from a task ---


def known_services(task_vars: Mapping[str, Any], variables: Variables | None = None) -> tuple[Service, ...]:
    """Read every service there is, deployed or not; *variables* as for :func:`load_services`.

    Of two that have one name the user's role counts, then what ``orderly_services`` says, and a role of this collection
    last; a plan has nothing but roles.
    """
    placed = _with_places(task_vars, variables)
    found = find_services(role_folders(placed))
    if is_plan(placed):
        return found
    names = {service.name for service in found if not service.is_shipped}
    data = [each for each in read_data(_data(task_vars, variables)) if each.name not in names]
    if not data:
        return found
    made = (replace(each, is_data=True) for each in find_services([RoleFolder(made_roles(data))]))
    return tuple(sorted((*found, *made), key=lambda service: natural(service.name)))


def is_plan(variables: Mapping[str, Any]) -> bool:
    """Tell whether the playbook of these variables stands beside a plan, which brings its own copies of the roles."""
    folder = variables.get("playbook_dir")
    return folder is not None and (Path(folder) / PLAN_FILE).is_file()


def _data(task_vars: Mapping[str, Any], variables: Variables | None) -> Any:
    """Give ``orderly_services`` as the inventory has it, the same for all hosts."""
    hosts = task_vars["groups"].get("all")
    read = variables or (lambda host, name: task_vars["hostvars"][host].get(name))
    return read(min(hosts, key=natural), DATA) if hosts else None


def _with_places(task_vars: Mapping[str, Any], variables: Variables | None) -> Mapping[str, Any]:
    """Add where the inventory says that roles are."""
    if variables is None or not (hosts := task_vars["groups"].get("all")):
        return task_vars
    anybody = min(hosts, key=natural)
    where = {name: variables(anybody, name) for name in ("orderly_roles_path", "orderly_collections")}
    return {**{name: value for name, value in where.items() if value is not None}, **task_vars}


def check_beside_inventory(task_vars: Mapping[str, Any], variables: Variables | None = None) -> None:
    """Refuse service roles that Ansible reads as a part of the inventory; *variables* as for :func:`load_services`.

    :raises CatalogueError: naming the first folder of such roles
    """
    for why in inside_inventory(_with_places(task_vars, variables)):
        raise CatalogueError(why)


def about_left_out(
    task_vars: Mapping[str, Any], services: Iterable[Service], variables: Variables | None = None
) -> Iterator[str]:
    """Tell of roles in a wrong place, of those that were meant to be services, and of services that nobody is."""
    placed = _with_places(task_vars, variables)
    own = (folder.path for folder in role_folders(placed) if not folder.prefix)
    unread = (*not_read(own), *unknown_before(services, task_vars["groups"]))
    data = [each.name for each in read_data(_data(task_vars, variables))]
    yield from hidden(services, data)
    yield from (*inside_inventory(placed), *unread)


def load_services(task_vars: Mapping[str, Any], variables: Variables | None = None) -> tuple[Service, ...]:
    """Load every deployed service of the inventory, as a task or a lookup sees it through its variables.

    *variables* reads the variables of hosts where there are no ``hostvars`` yet, while a playbook is parsed.
    """
    return deployed_of(known_services(task_vars, variables), task_vars, variables)


def deployed_of(
    services: Iterable[Service], task_vars: Mapping[str, Any], variables: Variables | None = None
) -> tuple[Service, ...]:
    """Keep the services that are deployed; *variables* as for :func:`load_services`."""

    def from_hostvars(host: str, name: str) -> Any:
        return task_vars["hostvars"][host].get(name)

    return deployed(
        services, task_vars["groups"], variables or from_hostvars, task_vars.get("inventory_hostname")
    )


def deployed_services(task_vars: Mapping[str, Any]) -> tuple[Service, ...]:
    """Load the services that are deployed on the current host."""
    host = task_vars["inventory_hostname"]
    groups = task_vars["groups"]
    return tuple(service for service in load_services(task_vars) if host in groups[service.group])


def select(services: Iterable[Service], names: Iterable[str], asked_by: str) -> tuple[Service, ...]:
    """Keep the named services; raises where a name is unknown, and lists those that are known."""
    services = tuple(services)
    known = {service.name for service in services}
    for name in names:
        if name not in known:
            listed = ", ".join(sorted(known, key=natural)) or "none"
            raise CatalogueError(f'{asked_by}: unknown service "{name}"; this inventory has: {listed}.')
    wanted = set(names)
    return tuple(service for service in services if service.name in wanted)
