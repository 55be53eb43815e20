"""How services that have no name yet are called: by names that groups and variables can have."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

OF_ANSIBLE = ("all", "ungrouped", "localhost")
_LONGEST = 80
_VERSION = re.compile(r"(?<=[a-z])\d+\.\d+(?:\.\d+)*")


def stem(unit: str) -> str:
    """Give the name of a unit without its suffix and instance: ``postgresql`` of ``postgresql@15-main.service``."""
    return unit.rsplit(".", 1)[0].split("@", 1)[0]


def as_name(text: str) -> str:
    """Make a name of any text: small letters, digits and underscores, a letter first."""
    plain = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:_LONGEST]
    return plain if plain[:1].isalpha() else f"service_{plain}".rstrip("_")


def candidates(units: Sequence[str], owner: str) -> list[str]:
    """Give names for a service that consists of some units, the shortest first.

    A version in a name goes where it can: ``php_fpm`` for ``php8.2-fpm.service``.
    """
    stems = list(dict.fromkeys(map(stem, units)))
    base = stems[0] if len(stems) == 1 or owner in ("", *stems[:1]) else owner
    whole = units[0].rsplit(".", 1)[0]
    return list(dict.fromkeys(map(as_name, (_VERSION.sub("", base), base, whole))))


def name_all(wanted: Iterable[Sequence[str]], taken: Container[str]) -> list[str]:
    """Choose a name for each of some services from its candidates, so that no two have the same."""
    wanted = list(wanted)
    counted = Counter(name for names in wanted for name in names)
    found: list[str] = []
    for names in wanted:
        alone = (name for name in names if counted[name] == 1)
        numbered = (f"{names[-1]}_{number}" for number in count(2))
        choices = chain(alone, names[-1:], numbered)
        found.append(
            next(name for name in choices if name not in {*found, *OF_ANSIBLE} and name not in taken)
        )
    return found
