"""Tests mirror the sources: whoever knows a file knows where it is tested."""

from __future__ import annotations

from ansible_collections.orderly.services.tests.rooms import ROOT

TESTS = ROOT / "tests"
UNTESTED = {
    "module_utils/_host/errors.py": "an exception with fields",
    "module_utils/_host/runner.py": "a protocol, for types alone",
    "plugin_utils/_common/errors.py": "an exception with fields",
    "plugin_utils/_service/steps.py": "names alone",
    "plugin_utils/_tasks/findings.py": "an exception, and the place that it names",
}
"""Files without a test of their own, and why: nothing in them decides anything."""


def mirrors(source: str) -> list[str]:
    """Name the places where the test of a file may stand: beside units of its folder, or where it needs more."""
    folder, _slash, name = source.rpartition("/")
    test = f"test_{name.lstrip('_')}"
    return [f"unit/plugins/{folder}/{test}", *(f"{place}/{test}" for place in ("play", "store", "host"))]


def sources() -> list[str]:
    plugins = ROOT / "plugins"
    return sorted(
        str(path.relative_to(plugins))
        for path in plugins.glob("*_utils/**/*.py")
        if path.name != "__init__.py"
    )


def test_every_file_has_a_test_of_its_name() -> None:
    lacking = [each for each in sources() if not any((TESTS / place).is_file() for place in mirrors(each))]
    assert lacking == sorted(UNTESTED)


def test_every_unit_test_has_a_file_that_it_is_about() -> None:
    units = TESTS / "unit/plugins"
    expected = {mirrors(each)[0].removeprefix("unit/plugins/") for each in sources()}
    found = {str(path.relative_to(units)) for path in units.glob("*_utils/**/test_*.py")}
    assert sorted(found - expected) == []
