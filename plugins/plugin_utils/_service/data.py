"""Services as data: those that ``orderly_services`` of the inventory defines, which need no role.

Each is made into a role of one recipe, in the files of which stands what the data say; from there on it is a service
role like any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .recipe import Recipe, Verify
from .service import DATA, CatalogueError
from .settings import SETTINGS, checked, unknown_key

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_ROLES = ("service", "dialect")  # a name is its key, and there are no tasks in any dialect
KEYS = (*(key for key in SETTINGS if key not in OF_ROLES), "verify", "drain")
EXAMPLE = "as in {apache2: {units: [apache2.service], packages: [apache2]}}"
VERIFY = "a mapping of one or more of url, port and command, and timeout in seconds"
DRAIN = "{haproxy: BACKEND}, the backend in which the balancers of the group haproxy have a server of the host's name"


@dataclass(frozen=True)
class ServiceData:
    """A service of the inventory: its settings as they are written, and what its role is made of."""

    name: str
    settings: Mapping[str, Any]
    recipe: Recipe

    def files(self) -> dict[str, str]:
        """Give the files of its role, by their place in it."""
        return self.recipe.files({"service": self.name, **self.settings})


def read_data(value: Any) -> list[ServiceData]:
    """Read ``orderly_services``; raises CatalogueError, naming the service and the key."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise CatalogueError(f"{DATA} is {value!r}; expected a mapping of services, {EXAMPLE}.")
    value = json.loads(json.dumps(value, default=str))  # without the tags that Ansible puts on what it reads
    return [_service(checked("service", name, DATA), said) for name, said in value.items()]


def _service(name: str, said: Any) -> ServiceData:
    where = f"{DATA}.{name}"
    if not isinstance(said, dict):
        raise CatalogueError(f"{DATA}.{name} is {said!r}; expected a mapping of settings, {EXAMPLE}.")
    for key in said:
        if key not in KEYS:
            raise unknown_key(key, KEYS, where)
    settings = {key: value for key, value in said.items() if key in SETTINGS}
    read = {key: checked(key, value, where) for key, value in settings.items()}
    if not read.get("units"):
        raise CatalogueError(f"{DATA}.{name} names no units; expected {SETTINGS['units'].expected}.")
    recipe = Recipe(
        name,
        read["units"],
        read.get("packages", ()),
        _verify(name, said.get("verify")),
        _backend(name, said.get("drain")),
        read.get("deferral") == "hold",
    )
    return ServiceData(name, settings, recipe)


def _verify(name: str, said: Any) -> Verify:
    if said is None:
        return Verify()
    kinds: dict[str, type[Any] | tuple[type[Any], ...]] = {
        "url": str, "port": int, "command": (str, list), "timeout": int,
    }  # fmt: skip
    is_read = (
        isinstance(said, dict)
        and said
        and all(
            isinstance(value, kinds.get(key, ())) and not isinstance(value, bool)
            for key, value in said.items()
        )
    )
    if not is_read or not said.keys() - {"timeout"}:
        raise CatalogueError(f"{DATA}.{name}: expected verify to be {VERIFY}; it is {said!r}.")
    return Verify(**said)


def _backend(name: str, said: Any) -> str:
    if said is None:
        return ""
    if not isinstance(said, dict) or list(said) != ["haproxy"] or not isinstance(said["haproxy"], str):
        raise CatalogueError(f"{DATA}.{name}: expected drain to be {DRAIN}; it is {said!r}.")
    return said["haproxy"]
