# SPDX-License-Identifier: GPL-3.0-or-later
"""What we keep about a host under ``/var/lib/orderly``: JSON that says its format, and which version wrote it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from .errors import HostError, NewerFormatError
from .files import PRIVATE, attempt, read_text, write_text
from .yaml import YamlError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Callable, Mapping

    Document = Mapping[str, Any]

Item = TypeVar("Item")

FORMAT = 1
VERSION = "0.1.0"  # of this collection, as in galaxy.yml
_KINDS = {"str": str, "int": int, "bool": bool, "Mapping[str, int]": dict}


def newer_format(data: Document) -> str:
    """Say which newer format this has, and who wrote it; empty where it has one that is known here."""
    written = str(data.get("format", FORMAT))
    if written == str(FORMAT):
        return ""
    writer = str(data.get("version", "in a newer version"))
    return (
        f"has format {written:.20}, which orderly.services {writer:.40} wrote, and {VERSION} knows format {FORMAT}; "
        "it is left as it is, use the version that wrote it or a newer one"
    )


def read_document(path: Path) -> Document:
    """Read a document; raises FileNotFoundError, HostError where it is none, and NewerFormatError."""
    try:
        data = json.loads(read_text(path))
    except (ValueError, RecursionError, YamlError) as exc:
        raise HostError(f"it is no document: {exc}") from exc
    if not isinstance(data, dict):
        raise HostError("it is no document: expected an object")
    if newer := newer_format(data):
        raise NewerFormatError(f"{path} {newer}.", path=str(path))
    return data


def read_item(path: Path, kind: Callable[..., Item]) -> Item:
    """Make a dataclass of what a document says, without what this version has no word for."""
    data = read_document(path)
    known = [each for each in fields(kind) if each.name in data]  # type: ignore[arg-type] # any dataclass
    for each in known:
        if not isinstance(data[each.name], _KINDS.get(str(each.type), object)):
            raise HostError(f"what it says as {each.name} is no {each.name}")
    try:
        return kind(**{each.name: data[each.name] for each in known})
    except TypeError as exc:
        raise HostError(f"it does not say all: {exc}") from exc


def render_document(values: Document) -> str:
    """Give the text of a document."""
    return json.dumps({**values, "format": FORMAT, "version": VERSION}, indent=1, sort_keys=True) + "\n"


def write_document(path: Path, values: Document) -> None:
    """Write a document, whole or not at all; what else was written there is kept."""
    known = attempt(path, read_document)
    write_text(path, render_document({**(known if isinstance(known, dict) else {}), **values}), PRIVATE)
