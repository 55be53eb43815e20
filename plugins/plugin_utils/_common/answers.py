"""What a host answers is data from elsewhere: it has the shape that its reader relies on, or it is not read at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Shape = type | list[Any] | dict[Any, Any]

    """
    A type; a list with the shape of its items; a mapping with the shape of each key that must be there, or with the
    one key ``str``, the shape of all its values.
    """

MOST_ENTRIES = 10_000
MOST_VALUES = 200_000
MOST_CHARACTERS = 4_000_000
DEEPEST = 30
BIGGEST = 2**63  # what programs that read our JSON can be expected to hold
LONGEST = 1000
_NAMES = {
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}
_ACCEPTED: dict[type, Any] = {dict: Mapping, float: int | float}


def misfit(value: Any, shape: Shape, at: str = "the answer") -> str:
    """Say where a value is not of a shape, as in ``pending[0].unit is not text``; empty where it fits."""
    return next(_misfits(value, shape, at), "")


def outsized(value: Any) -> str:
    """Say what keeps a whole answer from being kept or passed on, whatever its shape; empty where nothing does.

    It has an end in every direction, and no number that JSON cannot have.
    """
    level, values, characters = [value], 0, 0
    for _depth in range(DEEPEST):
        values += len(level)
        characters += sum(len(each) for each in level if isinstance(each, str))
        if values > MOST_VALUES:
            return f"it has more than {MOST_VALUES} values"
        if characters > MOST_CHARACTERS:
            return f"it has more than {MOST_CHARACTERS} characters"
        if any(map(_is_no_number, level)):
            return "it has a number that is none, or too big"
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return ""
    return f"it is nested more than {DEEPEST} deep"


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    return value if isinstance(value, list | tuple) else ()


def _is_no_number(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and abs(value) > BIGGEST


def unreadable(answer: Any, shape: Shape) -> str:
    """Say why an answer cannot be read; empty where it can."""
    why = outsized(answer) or misfit(answer, shape).removeprefix("the answer.")
    return f"its answer cannot be read ({why})" if why else ""


def words_of(value: Any) -> str:
    """Give what a host said in words, not without end; what is not text says nothing."""
    return value[:LONGEST].strip() if isinstance(value, str) else ""


def without_root(said: str, becomes: str) -> str:
    """Say why a module did not run on a host: what is *said* there, and where it was to become root, that cause."""
    why = printable(" ".join(said.split()), LONGEST).rstrip(".: ")
    is_likely = becomes and (becomes in why or "password" in why or "privilege" in why)
    way = (
        f" Tasks here become root with {becomes}: see that ansible HOST -b -m ansible.builtin.ping works, with "
        "--ask-become-pass (-K) if it asks for a password."
    )
    return f"The module did not run on this host: {why}.{way if is_likely else ''}"


def why_failed(answer: Any, otherwise: str) -> str:
    """Give the reason that a result has for its failure, as a part of a sentence."""
    said = words_of(answer.get("msg")) if isinstance(answer, Mapping) else ""
    return said.rstrip(".") or otherwise


def _misfits(value: Any, shape: Shape, at: str) -> Iterator[str]:
    kind: Any = type(shape) if isinstance(shape, list | dict) else shape
    wanted = _ACCEPTED.get(kind, kind)
    if not isinstance(value, wanted) or (kind in (int, float) and isinstance(value, bool)):
        yield f"{at} is not {_NAMES[kind]}"
    elif kind in (list, dict) and len(value) > MOST_ENTRIES:
        yield f"{at} has {len(value)} entries, more than {MOST_ENTRIES}"
    elif isinstance(shape, list):
        for number, each in enumerate(value):
            yield from _misfits(each, shape[0], f"{at}[{number}]")
    elif isinstance(shape, dict):
        yield from _misfits_of_keys(value, shape, at)


def _misfits_of_keys(value: Any, shape: Any, at: str) -> Iterator[str]:
    if str in shape:
        yield from (f"{at} has a key that is not text" for key in value if not isinstance(key, str))
    inner = dict.fromkeys(value, shape[str]) if str in shape else shape
    for key, kind in inner.items():
        if key not in value:
            yield f"{at} has no {key}"
        else:
            yield from _misfits(value[key], kind, f"{at}.{printable(str(key))}")
