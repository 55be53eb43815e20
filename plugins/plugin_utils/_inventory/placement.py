"""What the inventory says of single hosts: which failure domain each is in, and which go last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible.module_utils.parsing.convert_bool import boolean

from .._service.service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOMAIN, LAST = PLACEMENT_VARIABLES = ("orderly_failure_domain", "orderly_last")


@dataclass(frozen=True)
class Placement:
    """The failure domain of hosts that have one, and the hosts that go in the last wave of their services."""

    domains: Mapping[str, str] = field(default_factory=dict)
    last: frozenset[str] = frozenset()


def read_placement(domains: Mapping[str, Any], last: Mapping[str, Any]) -> Placement:
    """Read the values of both variables by host, None where there is none; raises :class:`CatalogueError`."""
    return Placement(read_domains(domains), frozenset(_last_of(last.items())))


def read_domains(values: Mapping[str, Any]) -> dict[str, str]:
    """Read the failure domains of those hosts that have one; raises :class:`CatalogueError`."""
    return {host: _domain(host, value) for host, value in values.items() if value not in (None, "")}


def domains_of(hosts: Iterable[str], variables: Mapping[str, Any]) -> dict[str, str]:
    """Read the failure domains of some hosts out of a task's variables; raises :class:`CatalogueError`."""
    return read_domains({host: variables["hostvars"][host].get(DOMAIN) for host in hosts})


def _domain(host: str, value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise CatalogueError(
            f"{DOMAIN} of {host} is {value!r}; expected the name of a rack, a zone or whatever else fails as a whole."
        )
    return str(value)


def _last_of(values: Iterable[tuple[str, Any]]) -> Iterable[str]:
    for host, value in values:
        try:
            if value is not None and boolean(value):
                yield host
        except TypeError:
            raise CatalogueError(f"{LAST} of {host} is {value!r}; expected true or false.") from None
