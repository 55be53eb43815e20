"""Draw which room of the code imports which, for docs/design.md, from the imports of its files.

Run: tests/env python tests/rooms.py --write
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
DESIGN = ROOT / "docs/design.md"
PICTURE = re.compile(r"(<!-- rooms -->\n).*(<!-- /rooms -->)", re.DOTALL)
FLOORS = {
    "plugin_utils": (
        ("_upgrade", "_report", "_discovery"),
        ("_campaign", "_roll", "_render"),
        ("_lock", "_plan", "_action"),
        ("_run", "_inventory", "_tasks", "_waves", "_last_words"),
        ("_store", "_service", "_terminal"),
        ("_common",),
    ),
    "module_utils": (
        ("_status", "_discovery"),
        ("_deferral",),
        ("_restart", "_records", "_haproxy", "_dns", "_redis"),
        ("_host",),
    ),
}
"""The rooms from top to bottom: one may import those of the floors below it, and none of its own floor."""


def imported(file: Path, house: Path) -> Iterator[Path]:
    """Give the files of a house that a file imports, all of which it does by relative imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            found = [place / each.name for each in node.names] if place.is_dir() else [place]
            yield from (each.with_suffix(".py") for each in found if each.is_relative_to(house))


def room_of(file: Path, house: Path) -> str:
    """Name the room that a file stands in; a file in front of all rooms is one by itself."""
    return file.relative_to(house).parts[0].removesuffix(".py")


def imports_of(house: Path) -> dict[Path, set[Path]]:
    """Give what each file imports."""
    return {file: set(imported(file, house)) for file in sorted(house.rglob("*.py"))}


def arrows(house: Path) -> dict[str, set[str]]:
    """Name the rooms that each room imports."""
    found: dict[str, set[str]] = {}
    for file, others in imports_of(house).items():
        room = room_of(file, house)
        found.setdefault(room, set()).update({room_of(each, house) for each in others} - {room})
    return found


def draw(rooms: Mapping[str, set[str]], floors: tuple[tuple[str, ...], ...]) -> list[str]:
    """Draw floors from top to bottom, with what each room imports."""
    width = max(map(len, rooms))
    lines = []
    for number, floor in enumerate(floors):
        lines += ["─" * (width + 4)] if number else []
        lines += [f"{room:{width}} → {' '.join(sorted(rooms[room]))}".rstrip(" →") for room in floor]
    return lines


def picture() -> str:
    """Give the pictures of all houses, as Markdown."""
    return "\n".join(
        "\n".join(
            (f"`plugins/{name}/`:", "", "```text", *draw(arrows(ROOT / "plugins" / name), floors), "```", "")
        )
        for name, floors in FLOORS.items()
    )


if __name__ == "__main__":
    if "--write" in sys.argv:
        text = DESIGN.read_text(encoding="utf-8")
        DESIGN.write_text(PICTURE.sub(lambda found: found[1] + picture() + found[2], text), encoding="utf-8")
    else:
        print(picture())
