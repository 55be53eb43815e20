from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.orderly.services.plugins.plugin_utils import _action
from ansible_collections.orderly.services.plugins.plugin_utils._action import ControllerAction
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.extra_vars import (
    counts_from_e_alone,
    extra_variable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "upgrade_confirm"


@pytest.fixture(autouse=True)
def command_line(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give what ``-e`` gives; empty is what Ansible has where there is no ``-e``."""
    given: dict[str, Any] = {"other": "x"}
    monkeypatch.setattr(load_extra_vars, "extra_vars", given, raising=False)
    return given


class Templar:
    def template(self, value: Any) -> Any:
        return value.replace("{{ db }}", "mariadb") if isinstance(value, str) else value


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(_action.display, "warning", said.append)
    return said


def read(variables: Mapping[str, Any]) -> Any:
    action = cast("Any", ControllerAction.__new__(ControllerAction))
    action._loader, action._templar = DataLoader(), Templar()  # as Ansible gives them
    return action.from_command_line(variables, NAME)


def test_what_e_says_counts(command_line: dict[str, Any], warnings: list[str]) -> None:
    command_line[NAME] = "{{ db }}"
    assert extra_variable(DataLoader(), NAME) == "{{ db }}"
    assert read({NAME: "web"}) == "mariadb"
    assert warnings == []


@pytest.mark.parametrize("elsewhere", ["mariadb", ["mariadb"], True])
def test_what_an_inventory_says_is_ignored_and_named(elsewhere: Any, warnings: list[str]) -> None:
    assert read({NAME: elsewhere}) is None
    assert warnings == [counts_from_e_alone(NAME)]
    assert warnings[0].startswith(
        "upgrade_confirm is accepted only on the command line (-e upgrade_confirm=…)."
    )


def test_an_inventory_that_says_nothing_is_not_warned_of(warnings: list[str]) -> None:
    assert read({NAME: ""}) is None
    assert read({}) is None
    assert warnings == []
