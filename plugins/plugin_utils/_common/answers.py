"""What a host answers is data from elsewhere: it has the shape that its reader relies on, or it is not read at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    Shape = type | list[Any] | dict[Any, Any]

    """
    A type; a list with the shape of its items; a mapping with the shape of each key that must be there, or with the
    one key ``str``, the shape of all its values.
    """

MOST_ENTRIES = 10_000
_NAMES = {str: "text", int: "a number", bool: "true or false", list: "a list", dict: "a mapping"}


def misfit(value: Any, shape: Shape, at: str = "the answer") -> str:
    """Say where a value is not of a shape, as in ``pending[0].unit is not text``; empty where it fits."""
    return next(_misfits(value, shape, at), "")


def _misfits(value: Any, shape: Any, at: str) -> Iterator[str]:
    kind = type(shape) if isinstance(shape, list | dict) else shape
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
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
