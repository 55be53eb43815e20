"""Versions of Debian packages, compared as dpkg does: deb-version(7)."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import total_ordering
from itertools import zip_longest
from typing import Any

VERSION = r"([0-9]+:)?[0-9]([A-Za-z0-9.+~-]*[A-Za-z0-9.+~])?"
RELATIONS = {"<<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">>": operator.gt}
CONSTRAINT = rf"(<<|<=|=|>=|>>) *({VERSION})"

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_END = ((0,), 0)

Key = tuple[Any, ...]


def version_key(version: str) -> Key:
    """Give what sorts a version among others; the empty one, of a package that is not there, comes first."""
    if not version:
        return ()
    epoch, colon, rest = version.rpartition(":")
    upstream, _dash, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch) if colon else 0, _key(upstream), _key(revision)


@total_ordering
@dataclass(frozen=True)
class _Text:
    """An upstream version or a revision: letters and numbers in turns. After its last part all that follow are ends."""

    parts: tuple[Key, ...]

    def __lt__(self, other: _Text) -> bool:
        pairs = zip_longest(self.parts, other.parts, fillvalue=_END)
        return next((mine < theirs for mine, theirs in pairs if mine != theirs), False)


def _key(text: str) -> _Text:
    parts = [((*map(_weight, letters), 0), int(digits or 0)) for letters, digits in _PARTS.findall(text)]
    while parts and parts[-1] == _END:
        parts.pop()  # what is not there counts as zero
    return _Text(tuple(parts))


def _weight(character: str) -> int:
    """Give the place of a character that is no digit: a tilde before the end, and letters before all others."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


@dataclass(frozen=True, order=True)
class Constraint:
    """What a version must be, in the words of deb-control(5): ``<< 2.0``, ``<=``, ``=``, ``>=`` or ``>>``."""

    relation: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read a constraint; raises :class:`ValueError` where it is none."""
        found = re.fullmatch(CONSTRAINT, text)
        if found is None:
            raise ValueError(text)
        return cls(found[1], found[2])

    def holds(self, version: str) -> bool:
        """Tell whether a version is so; a package that is not installed has none, and none holds."""
        return bool(version) and bool(
            RELATIONS[self.relation](version_key(version), version_key(self.version))
        )

    def __str__(self) -> str:
        return f"{self.relation} {self.version}"
