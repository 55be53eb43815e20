"""The table of behaviours names every test, and only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CONFORMANCE = ROOT / "tests/conformance"
SCENARIOS = ROOT / "extensions/molecule"
ROWS = [
    line.strip("|").split(" | ")
    for line in (CONFORMANCE / "README.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| behaviour")
]
TRIED_BY = [name for row in ROWS for name in re.findall(r"`([^`]+)`", row[-1])]


def test_every_behaviour_is_tried() -> None:
    assert [row for row in ROWS if not re.findall(r"`[^`]+`", row[-1])] == []


def test_every_function_is_in_the_table_and_every_name_is_a_function() -> None:
    functions = re.findall(r"^@behaviour\ndef (\w+)", (CONFORMANCE / "deferral.py").read_text(), re.MULTILINE)
    assert sorted({name for name in TRIED_BY if "/" not in name}) == sorted(functions)


def test_every_scenario_in_the_table_runs_what_is_named() -> None:
    for name in TRIED_BY:
        if "/" in name:
            scenario, playbook = name.split("/")
            sequence = (SCENARIOS / scenario / "molecule.yml").read_text()
            step = "- verify\n" if playbook == "verify.yml" else f"- verify {playbook}\n"
            assert step in sequence, name
            assert (SCENARIOS / name).is_file()
