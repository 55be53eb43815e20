from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.orderly.services.plugins.plugin_utils import _action
from ansible_collections.orderly.services.plugins.plugin_utils._action import (
    Action,
    ControllerAction,
    HostAction,
)
from ansible_collections.orderly.services.plugins.plugin_utils._common.errors import ControllerError
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.extra_vars import (
    counts_from_e_alone,
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


def controller_action() -> Any:
    action = cast("Any", ControllerAction.__new__(ControllerAction))
    action._loader, action._trusting, action._store_warnings = DataLoader(), Templar(), []
    return action


def read(variables: Mapping[str, Any]) -> Any:
    return controller_action().from_command_line(variables, NAME)


def test_what_e_says_counts(command_line: dict[str, Any], warnings: list[str]) -> None:
    command_line[NAME] = "{{ db }}"
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


# --- Where the store is ---


def test_the_store_is_that_of_the_task_or_of_the_inventory_or_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_action, "default_url", lambda: "sqlite:///default")
    action = controller_action()
    inventory = {"orderly_store": "etcd://{{ db }}/x"}
    assert action.store_url({"store": "sqlite:///own"}, inventory) == "sqlite:///own"
    assert action.store_url({"store": None}, inventory) == "etcd://mariadb/x"
    assert action.store_url({"store": ""}, {}) == "sqlite:///default"


# --- Frames ---


def test_what_cannot_be_done_is_one_sentence_with_its_details_as_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refuses(Action):
        def act(self, variables: Mapping[str, Any]) -> dict[str, Any]:
            raise ControllerError("web1 is busy.", hosts=[*variables])

    monkeypatch.setattr(_action.ActionBase, "run", lambda *_arguments: None)
    action = cast("Any", Refuses.__new__(Refuses))
    action._loader, action._task, action._store_warnings = DataLoader(), None, []
    with pytest.raises(AnsibleActionFail, match=r"^web1 is busy\.$") as caught:
        action.run(None, {"web1": {}})
    assert caught.value.result["hosts"] == ["web1"]
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("place", "module"), [("restart_policy", "restart_policy"), ("internal.drained", "internal.drained")]
)
def test_a_host_runs_the_module_of_the_name_of_its_action(place: str, module: str) -> None:
    class Asks(HostAction):
        __module__ = f"ansible_collections.orderly.services.plugins.action.{place}"

        def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
            return {**given, **variables}

    action = cast("Any", Asks.__new__(Asks))
    action._task, action._answered = SimpleNamespace(args={"a": 1}, async_val=0), {"of": "the host"}
    action._execute_module = lambda **asked: asked
    asked = action.act({"b": 2})
    assert asked["module_name"] == f"orderly.services.{module}"
    assert asked["module_args"] == {"a": 1, "b": 2}
    assert asked["task_vars"] == {"of": "the host"}
