"""Reports of hosts for tests of what shows them, and a small parser of metrics."""

from __future__ import annotations

import re
from typing import Any

HOSTILE = 'a"b\\c\nd|e\x1b[31m\u202ef{g="h"}'


def entry(unit: str, **keys: Any) -> dict[str, Any]:
    usual = {
        "unit": unit, "action": "restart", "since": "2026-11-23T06:00:00Z", "reason": "Package update",
        "package": "nginx", "package_before": "1.0", "package_now": "1.1", "collateral": False,
    }  # fmt: skip
    return {**usual, **keys}


def report(*pending: dict[str, Any], **keys: Any) -> dict[str, Any]:
    usual = {
        "auto_restarts": True, "in_force": True, "stopped": [], "dismissed": [], "paused": [],
        "temporary_changes": [], "on_hold": [], "outdated": [], "not_checked": {}, "trouble": [],
        "services": {"web": ["a.service", "b.service"]}, "down": [], "without_service": [],
        "made_up": [], "absent_services": [], "umbrellas": [], "drained": [], "store": {},
    }  # fmt: skip
    return {**usual, "pending": list(pending), **keys}


_SAMPLE = re.compile(
    r"""(?P<name>[a-zA-Z_:][\w:]*)"""
    r"""(?:\{(?P<labels>(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)+)\})?"""
    r""" (?P<value>-?\d+(?:\.\d+)?)"""
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse_metrics(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Read the text format strictly: HELP and TYPE first, one block for each metric, no sample twice."""
    assert text.endswith("\n")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    current = ""
    lines = text[:-1].split("\n")
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in found
            found[current] = {}
        elif line.startswith("# TYPE "):
            assert before.startswith(f"# HELP {current} ")
            assert line == f"# TYPE {current} gauge"
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            assert match["name"] == current
            labels = tuple((name, _unescape(value)) for name, value in _LABEL.findall(match["labels"] or ""))
            assert labels not in found[current]
            found[current][labels] = float(match["value"])
    return found


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)
