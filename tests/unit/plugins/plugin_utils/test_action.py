from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
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
    from collections.abc import Callable, Mapping

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


def task(**given: Any) -> Any:
    usual = {"ignore_errors": None, "failed_when": [], "until": [], "_parent": None}
    return SimpleNamespace(**{**usual, **given})


@pytest.mark.parametrize(
    ("of", "is_left"),
    [
        (task(), True),
        (task(_parent=SimpleNamespace(rescue=[], _parent=None)), True),
        (task(_parent=SimpleNamespace(rescue=["x"], _parent=None)), False),
        (task(_parent=SimpleNamespace(_parent=SimpleNamespace(rescue=["x"], _parent=None))), False),
        (task(ignore_errors=True), False),
        (task(failed_when=["false"]), False),
        (task(until=["x"]), False),
    ],
)
@pytest.mark.parametrize("raises", [True, False])
def test_why_it_failed_is_left_for_the_end_unless_somebody_expects_it(
    monkeypatch: pytest.MonkeyPatch, of: Any, is_left: bool, raises: bool
) -> None:
    class Refuses(HostAction):
        def act(self, variables: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - as Action has it
            if raises:
                raise ControllerError("busy.")
            return {"failed": True, "msg": "busy."}

    left: list[tuple[str, str]] = []
    monkeypatch.setattr(_action.ActionBase, "run", lambda *_arguments: None)
    monkeypatch.setattr(_action, "leave", lambda *words: left.append(words))
    action = cast("Any", Refuses.__new__(Refuses))
    action._loader, action._task, action._store_warnings = DataLoader(), of, []
    with suppress(AnsibleActionFail):
        action.run(None, {"inventory_hostname": "web1"})
    assert left == [("busy.", "web1")] * is_left


def test_what_cannot_be_done_is_one_sentence_with_its_details_as_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refuses(Action):
        def act(self, variables: Mapping[str, Any]) -> dict[str, Any]:
            raise ControllerError("web1 is busy.", hosts=[*variables])

    monkeypatch.setattr(_action.ActionBase, "run", lambda *_arguments: None)
    action = cast("Any", Refuses.__new__(Refuses))
    action._loader, action._task, action._store_warnings = DataLoader(), task(), []
    with pytest.raises(AnsibleActionFail, match=r"^web1 is busy\.$") as caught:
        action.run(None, {"web1": {}})
    assert caught.value.result["hosts"] == ["web1"]
    assert caught.value.__cause__ is None


def asks(answer: Callable[..., Any]) -> Any:
    """Make an action that asks a host for an answer."""

    class Asks(HostAction):
        def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
            return {**super().complete(given, variables), **variables}

    action = cast("Any", Asks.__new__(Asks))
    action._task, action._answered = (
        SimpleNamespace(args={"a": 1}, async_val=0, delegate_to=None),
        {"of": "the host"},
    )
    action._execute_module = answer
    return action


def test_a_host_runs_the_module_with_the_options_of_the_task_and_more() -> None:
    asked = asks(lambda **asked: asked).act({"b": 2})
    assert asked["module_args"] == {"a": 1, "b": 2}
    assert asked["task_vars"] == {"of": "the host"}


def test_no_answer_of_a_host_steers_ansible() -> None:
    answer = {"results": [None], "ansible_stats": 7, "add_host": [], "add_group": {}, "changed": True}
    assert asks(lambda **_asked: answer).act({}) == {"changed": True}


def test_what_another_host_answers_is_no_fact_of_the_host_that_delegates() -> None:
    action = asks(lambda **_asked: {"ansible_facts": {"nginx_probe_url": ""}})
    assert action.act({}) == {"ansible_facts": {"nginx_probe_url": ""}}  # its own, which nobody trusts
    action._task.delegate_to = "lb1"
    assert action.act({}) == {}


def test_an_answer_that_ansible_cannot_read_is_said_to_be_that() -> None:
    def unreadable(**_asked: Any) -> dict[str, Any]:
        raise AttributeError("'list' object has no attribute 'keys'")

    with pytest.raises(ControllerError, match=r"^Ansible could not read the answer of this host \('list'"):
        asks(unreadable).act({})


def test_a_host_that_cannot_be_reached_is_left_to_ansible() -> None:
    def away(**_asked: Any) -> dict[str, Any]:
        raise AnsibleConnectionFailure("no route to host")

    with pytest.raises(AnsibleConnectionFailure):
        asks(away).act({})
