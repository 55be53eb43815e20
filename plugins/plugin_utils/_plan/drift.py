"""Drift: what an approved plan was made of, against what inventory and roles are now, item by item."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .._common.text import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Plan = Mapping[str, Any]

    """A plan as ``plan.json`` has it."""

DERIVED = (
    "slots",
    "steps",
    "parts",
    "run_once_host",
    "migrates_once",
    "no_return",
    "role",
    "together",
)  # they follow from the others


def drift_of_plans(approved: Plan, now: Plan) -> tuple[str, ...]:
    """List what differs between two plans: what was, what is."""
    lines = [
        f"{name}: {_was(approved['versions'].get(name), now['versions'].get(name))}"
        for name in sorted(approved["versions"].keys() | now["versions"].keys())
        if approved["versions"].get(name) != now["versions"].get(name)
    ]
    services = approved["services"].keys() | now["services"].keys()
    for name in sorted(services, key=natural):
        before, after = approved["services"].get(name), now["services"].get(name)
        if before is None or after is None:
            lines.append(f"service {name}: {_was(_deployed(before), _deployed(after))}")
        else:
            lines += (f"service {name}, {change}" for change in _of_service(before, after))
    if not lines and approved["plays"] == now["plays"]:
        names = approved["files"].keys() | now["files"].keys()
        lines += [
            f"{name} in its folder, which another ansible-core or version of orderly.services wrote"
            for name in sorted(names, key=natural)
            if approved["files"].get(name) != now["files"].get(name)
        ]
    elif not lines:
        lines.append(
            "the waves: failure domains, which hosts go last, or which are out of service, have changed "
            f"({_was(len(approved['plays']), len(now['plays']))} plays)"
        )
    return tuple(lines)


def _of_service(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    keys = before.keys() | after.keys()
    for key in sorted(key for key in keys.difference(DERIVED) if before.get(key) != after.get(key)):
        if key == "files":
            yield from _of_files(before["files"], after["files"])
        elif key == "hosts":
            yield from _of_hosts(before["hosts"], after["hosts"])
        else:
            yield f"{key}: {_was(before.get(key), after.get(key))}"


def _of_files(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"role's file {name}: {_was(before.get(name), after.get(name))}"


def _of_hosts(before: Iterable[str], after: Iterable[str]) -> Iterator[str]:
    for host in sorted({*before} ^ {*after}, key=natural):
        there = ("in it", None) if host in set(before) else (None, "in it")
        yield f"host {host}: {_was(*there)}"


def _deployed(service: Mapping[str, Any] | None) -> str | None:
    return f"deployed on {' '.join(service['hosts'])}" if service else None


def _was(before: Any, after: Any) -> str:
    return f"was {_word(before)}, is {_word(after)}"


def _word(value: Any) -> str:
    if value is None:
        return "not there"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
