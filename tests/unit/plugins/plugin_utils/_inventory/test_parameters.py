"""The table of parameters is what playbooks, roles and plugins read, and what the guides tell people to type."""

from __future__ import annotations

import re
import shlex
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.parsing.splitter import parse_kv
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.parameters import (
    FROM_E_ALONE,
    OF_ALL,
    PARAMETERS,
)
from jinja2 import Environment, meta

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[5]
COLLECTION = "orderly.services."
ALL = {*OF_ALL, *chain.from_iterable(PARAMETERS.values())}
GUIDES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "roles").glob("*/README.md")]

# The word that the parameters of a playbook begin with, where it is not the first one of its name.
VERBS = {
    "allow_restarts": "deferral",
    "defer_restarts": "deferral",
    "plan": "upgrade",
    "rolling_restart": "restart",
    "show_deferred_restarts": "status",
}
OF_ANSIBLE = {"groups", "hostvars", "omit", "lookup", "query"}
# What plays, roles and actions hand to each other.
HANDED_ON = {
    *("rolling_op_roll", "rolling_restart_roll"),
    *("rolling_op_visit", "rolling_op_store", "rolling_op_tokens", "rolling_op_drained"),
    *("rolling_op_deferred_only", "rolling_op_reboot_all"),
}


def strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from chain.from_iterable(map(strings, data.values()))
    elif isinstance(data, list):
        yield from chain.from_iterable(map(strings, data))


def used_in(data: Any) -> set[str]:
    """Name the variables in the templates of a playbook."""
    jinja = Environment(autoescape=True)
    return set().union(*(meta.find_undeclared_variables(jinja.parse(text)) for text in strings(data)))


@cache
def options_of(role: str, entry: str) -> frozenset[str]:
    specs = ROOT / "roles" / role.removeprefix(COLLECTION) / "meta/argument_specs.yml"
    return frozenset(yaml.safe_load(specs.read_text())["argument_specs"][entry].get("options", ()))


def read_by(playbook: str) -> set[str]:
    """Name the variables that a playbook and the entry points of its roles read, but for those that it sets itself."""
    found: set[str] = set()
    for play in yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text()):
        found |= used_in(play) - {task.get("register") for task in play.get("tasks", ())}
        if imported := play.get("ansible.builtin.import_playbook"):
            found |= read_by(imported.removesuffix(".yml"))
        roles = [(each["role"], "main", each) for each in play.get("roles", ())]
        roles += [
            (role["name"], role["tasks_from"], task)
            for task in play.get("tasks", ())
            if (role := task.get("ansible.builtin.import_role"))
        ]
        for name, entry, user in roles:
            found |= options_of(name, entry) - user.get("vars", {}).keys()
    return found - OF_ANSIBLE - HANDED_ON


def test_every_playbook_has_its_parameters_in_the_table() -> None:
    assert PARAMETERS.keys() == {path.stem for path in (ROOT / "playbooks").glob("*.yml")}


@pytest.mark.parametrize("playbook", PARAMETERS)
def test_what_a_playbook_reads_is_in_the_table(playbook: str) -> None:
    assert read_by(playbook) <= {*PARAMETERS[playbook], *OF_ALL}


@pytest.mark.parametrize("playbook", PARAMETERS)
def test_the_parameters_of_a_playbook_begin_with_its_verb(playbook: str) -> None:
    verb = VERBS.get(playbook, playbook.partition("_")[0])
    assert [name for name in PARAMETERS[playbook] if not name.startswith((f"{verb}_", "rolling_op_"))] == []


def test_what_plugins_read_is_in_the_table() -> None:
    files = [*(ROOT / "plugins/action").glob("*.py"), *(ROOT / "plugins/lookup").glob("*.py")]
    text = "".join(path.read_text() for path in files)
    asked = re.findall(r'(?:templated|from_command_line)\(variables, "(\w+)"\)', text)
    assert {*asked, *re.findall(r"^ +vars:\n +- name: (\w+)", text, re.MULTILINE)} <= ALL


def test_every_parameter_is_read_somewhere() -> None:
    files = [
        path
        for folder in ("playbooks", "plugins", "roles")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".yml", ".py") and path.name != "parameters.py"
    ]
    words = set(re.findall(r"\w+", "".join(path.read_text() for path in files)))
    assert ALL - words == set()
    assert set(FROM_E_ALONE) <= ALL


def commands() -> list[list[str]]:
    """Give the commands of the guides as a shell would split them."""
    lines = chain.from_iterable(path.read_text().replace("\\\n", " ").splitlines() for path in GUIDES)
    typed = (re.match(r"(?:\$ )?(ansible-playbook .*)", line) for line in lines)
    return [shlex.split(match[1], comments=True) for match in typed if match]


def test_what_guides_tell_to_type_is_a_parameter_of_that_playbook() -> None:
    checked = 0
    for words in commands():
        playbook = next(
            (word.removeprefix(COLLECTION) for word in words if word.startswith(COLLECTION)), None
        )
        known = {*OF_ALL, *(PARAMETERS[playbook] if playbook else ALL)}
        for option, value in pairwise(words):
            if option == "-e":
                given = parse_kv(value)
                assert len(given) == 1, f"{shlex.join(words)}: Ansible cuts {value} at the space"
                assert known >= given.keys(), shlex.join(words)
                checked += 1
    assert checked > 15


def test_what_texts_say_about_e_is_a_parameter() -> None:
    folders = [path for name in ("plugins", "playbooks", "roles") for path in (ROOT / name).rglob("*.*")]
    for path in [*GUIDES, *folders]:
        if path.suffix in (".md", ".py", ".yml", ".js"):
            assert set(re.findall(r"(?<![\w-])-e (\w+)=", path.read_text())) <= {*ALL, "NAME"}, path
