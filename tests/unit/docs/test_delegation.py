"""What our roles do on another host than theirs depends on no variable that their host could set by its facts."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jinja2 import Environment, meta

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = Path(__file__).parents[3] / "roles"
OF_ANSIBLE = ("dict2items", "difference", "dirname", "flatten", "product")
"""Filters that Jinja itself has not; what they do does not matter here."""
SAFE = {"item", "lookup", "query", "omit", "inventory_hostname", "groups", "behind_haproxy_service"}
"""The last one is a variable of the task that imports the role, which goes before facts."""


def tasks_in(data: Any) -> Iterator[dict[str, Any]]:
    for task in data or ():
        yield task
        yield from chain.from_iterable(tasks_in(task.get(part)) for part in ("block", "rescue", "always"))


def strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from chain.from_iterable(map(strings, data.values()))
    elif isinstance(data, list):
        yield from chain.from_iterable(map(strings, data))


DELEGATED = [
    pytest.param(task, id=f"{file.relative_to(ROLES)}: {task['name']}")
    for file in sorted(ROLES.glob("*/tasks/*.yml"))
    for task in tasks_in(yaml.safe_load(file.read_text(encoding="utf-8")))
    if "delegate_to" in task
]


@pytest.mark.parametrize("task", DELEGATED)
def test_a_delegated_task_reads_trusted_variables_alone(task: dict[str, Any]) -> None:
    own = {"name", "register", "vars", "timeout", *("on_timeout", "state")}
    said = {key: value for key, value in task.items() if key not in own}
    module = next(key for key in task if "." in key)
    said[module] = {key: value for key, value in task[module].items() if key not in own}
    jinja = Environment(autoescape=True)
    jinja.filters.update(dict.fromkeys(OF_ANSIBLE, str))
    used = set().union(*(meta.find_undeclared_variables(jinja.parse(text)) for text in strings(said)))
    assert used <= SAFE


def test_there_are_such_tasks() -> None:
    assert DELEGATED


@pytest.mark.parametrize("task", DELEGATED)
def test_what_another_host_answers_becomes_no_fact_of_the_host_that_delegates(task: dict[str, Any]) -> None:
    """Our actions see to that; of a module of Ansible's the facts would go to the host that delegates."""
    ours = any(key.startswith("orderly.services.") for key in task)
    assert ours or task["delegate_to"] == "localhost", task["name"]
