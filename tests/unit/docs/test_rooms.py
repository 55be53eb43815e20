"""The house: who imports whom, and how long functions are."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from itertools import chain
from statistics import median

import pytest
from ansible_collections.orderly.services.tests.rooms import (
    DESIGN,
    FLOORS,
    ROOT,
    arrows,
    imports_of,
    picture,
)

HOUSES = pytest.mark.parametrize("name", FLOORS)


@HOUSES
def test_every_room_has_a_floor_and_imports_only_what_is_below(name: str) -> None:
    floor_of = {room: number for number, floor in enumerate(FLOORS[name]) for room in floor}
    found = arrows(ROOT / "plugins" / name)
    assert floor_of.keys() == found.keys()
    upwards = [
        f"{room} → {other}" for room in found for other in found[room] if floor_of[other] <= floor_of[room]
    ]
    assert upwards == []


@HOUSES
def test_no_file_imports_itself_by_way_of_others(name: str) -> None:
    imports = imports_of(ROOT / "plugins" / name)
    assert set(chain(*imports.values())) <= imports.keys()
    list(TopologicalSorter(imports).static_order())  # raises CycleError


def test_the_picture_in_the_design_is_that_of_the_code() -> None:
    assert picture() in DESIGN.read_text(encoding="utf-8"), (
        "draw it again: tests/env python tests/rooms.py --write"
    )


def test_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for file in (ROOT / "plugins").glob("*_utils/**/*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert median(lengths) <= 6
    assert max(lengths) <= 54
