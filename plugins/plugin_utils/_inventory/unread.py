"""Variables that look like ours and are none: nobody would read them, and the run would do something else."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ansible import context

from .._common.errors import ControllerError
from .._service.catalogue import AUTO_RESTARTS, COLLECTION, variable
from .._service.settings import OVERRIDABLE
from .extra_vars import extra_names
from .parameters import OF_ALL, OF_ROLLS, PARAMETERS, PREFIXES, VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from ansible.parsing.dataloader import DataLoader

    from .._service.service import Service
    from .inventory import Inventory

KEYS = (*OVERRIDABLE, AUTO_RESTARTS)
OURS_ALONE = ("max_unavailable", "failure_budget", "full_stop", "deferred_actions", AUTO_RESTARTS)
"""Settings whose names tell that a variable is for us, whatever service it names."""

_ALIKE = 0.84  # as difflib counts: one letter wrong, missing or too many in a name of six or more
_PERHAPS = 0.5
_SERVICES = ("service", "services")
_UNKNOWN = "is unknown"


class UnreadError(ControllerError):
    """Variables were given that nobody reads."""


@dataclass(frozen=True)
class Unread:
    """Tells of a variable what it was meant for, if it looks like one of ours and is none.

    *typed* are the playbooks on the command line; None where those of somebody else are among them, which may import
    any of ours and read whatever they want.
    """

    services: Collection[Service]
    typed: frozenset[str] | None = None

    def check_extra(self, names: Iterable[str], own: Collection[str]) -> None:
        """Raise where ``-e`` gives such names; what is in *own*, the names of the inventory, is the user's."""
        found = {
            f"-e {name}": meant
            for name in sorted(set(names) - self._known)
            if name.startswith(PREFIXES) or name not in own
            if (meant := self._word(name) or self._name(name))
        }
        _refuse(found)

    def check_inventory(self, names: Iterable[str], place: Callable[[str], str]) -> None:
        """Raise where the inventory has such names; *place* tells of one where it stands."""
        everywhere = Unread(self.services)
        found = {
            f"{name} ({place(name)} in the inventory)": meant
            for name in sorted(set(names) - everywhere._known)
            if (meant := everywhere._name(name))
        }
        _refuse(found)

    @cached_property
    def _takes(self) -> frozenset[str]:
        return frozenset(chain(OF_ALL, *(PARAMETERS[each] for each in self.typed or PARAMETERS)))

    @cached_property
    def _known(self) -> frozenset[str]:
        return self._takes.union(variable(service.name, key) for service in self.services for key in KEYS)

    def _word(self, name: str) -> str:
        """Say what was meant by a word that means a parameter only where it is typed for a playbook of ours."""
        if self.typed is None:
            return ""
        playbooks = " and ".join(sorted(self.typed))
        if theirs := [each for each, names in PARAMETERS.items() if name in names]:
            same = self._ends_with(_rest(name))
            return f"is for {' and '.join(theirs)}, not for {playbooks}.{_perhaps(same)}"
        if meant := self._ends_with(name):
            return f"{_UNKNOWN}.{_perhaps(meant)}"
        if name in _SERVICES:
            whole = f"{playbooks} acts on all services of its hosts"
            return f"{_UNKNOWN}: {whole}. Leave it out, and choose hosts with --limit."
        begins = {_verb(each) for each in self._takes.difference(OF_ALL, OF_ROLLS)}
        return f"{_UNKNOWN}.{_perhaps(self._near(name, _PERHAPS))}" if _verb(name) in begins else ""

    def _ends_with(self, word: str) -> list[str]:
        """Find the parameters for a general word: ``upgrade_stage`` for ``stage`` and for ``stages``."""
        words = {"only"} if word in _SERVICES else {word, word.removesuffix("s")}
        return sorted(each for each in self._takes.difference(OF_ALL) if _rest(each) in words)

    def _name(self, name: str) -> str:
        if near := self._near(name, _ALIKE):
            return f"{_UNKNOWN}.{_perhaps(near)}"
        if name.startswith(PREFIXES):
            return f"{_UNKNOWN}.{_perhaps(self._near(name, _PERHAPS))}"
        return self._setting(name)

    def _near(self, name: str, alike: float) -> list[str]:
        """Find the parameter that differs the least, after the same verb; services are chosen by ``only``."""
        rests, word = self._rests.get(_verb(name), {}), _rest(name)
        near = ["only"] if word in _SERVICES and "only" in rests else get_close_matches(word, rests, 1, alike)
        return [rests[rest] for rest in near]

    @cached_property
    def _rests(self) -> dict[str, dict[str, str]]:
        rests: dict[str, dict[str, str]] = {}
        for each in self._takes:
            rests.setdefault(_verb(each), {})[_rest(each)] = each
        return rests

    def _setting(self, name: str) -> str:
        """Say which setting of a service was meant; what the role of the service itself reads is the role's own."""
        for service in self.services:
            rest = name.removeprefix(variable(service.name, ""))
            if rest != name and (near := get_close_matches(rest, KEYS, 1, _ALIKE)):
                meant = variable(service.name, near[0])
                return (
                    ""
                    if _reads(service.path, name)
                    else f"is not a setting of {service.name}.{_perhaps([meant])}"
                )
        for key in OURS_ALONE:
            if name.endswith(f"_{key}"):
                there = {variable(service.name, ""): variable(service.name, key) for service in self.services}
                near = get_close_matches(name.removesuffix(key), there, 1, _PERHAPS)
                return f"is for a service that does not exist.{_perhaps(there[each] for each in near)}"
        return ""


def check_variables(loader: DataLoader, inventory: Inventory, services: Collection[Service]) -> None:
    """Raise where the command line or the inventory of this run has variables that look like ours and are none."""
    own = inventory.names
    unread = Unread(services, typed_playbooks(context.CLIARGS.get("args") or ()))
    unread.check_extra(extra_names(loader), own)
    unread.check_inventory(own, inventory.place)


def typed_playbooks(arguments: Iterable[object]) -> frozenset[str] | None:
    """Name the playbooks of ours on a command line; None where somebody else's are among them."""
    names = set(map(str, arguments))
    ours = {name.removeprefix(f"{COLLECTION}.") for name in names}
    return frozenset(ours) if ours and ours <= PARAMETERS.keys() and ours.isdisjoint(names) else None


def _refuse(found: Mapping[str, str]) -> None:
    if found:
        raise UnreadError(
            " ".join((*(f"{name} {meant}" for name, meant in found.items()), "Nothing was done."))
        )


def _verb(name: str) -> str:
    """Give what a parameter begins with: the word of its playbook, or of all of them."""
    return "rolling_op_" if name.startswith("rolling_op_") else "".join(name.partition("_")[:2])


def _rest(name: str) -> str:
    return name.removeprefix(_verb(name))


def _perhaps(names: Iterable[str]) -> str:
    named = " or ".join(f"{name}={VALUES[name]}" if name in VALUES else name for name in names)
    return f" Did you mean {named}?" if named else ""


def _reads(role: Path, name: str) -> bool:
    files = (file for file in role.rglob("*") if file.is_file())
    return any(name in file.read_text(encoding="utf-8", errors="ignore") for file in files)
