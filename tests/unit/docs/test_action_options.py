"""The documentation of what runs on the controller says which options its action takes."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from ansible_collections.orderly.services.plugins.doc_fragments import store
from ansible_collections.orderly.services.plugins.plugin_utils._action import ControllerAction
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Why

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
STORE = yaml.safe_load(store.ModuleDocFragment.DOCUMENTATION)["options"]
ACTIONS = "ansible_collections.orderly.services.plugins.action"


def is_documentation_only(text: str) -> bool:
    return not any(isinstance(node, ast.FunctionDef) for node in ast.parse(text).body)


def documented(text: str) -> dict[str, Any]:
    (written,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION"
    )
    docs = yaml.safe_load(written)
    of_fragments = STORE if "orderly.services.store" in docs["extends_documentation_fragment"] else {}
    return {**of_fragments, **docs.get("options", {})}


MODULES = PLUGINS / "modules"
NAMES = [
    str(path.relative_to(MODULES).with_suffix(""))
    for path in sorted(MODULES.rglob("*.py"))
    if is_documentation_only(path.read_text("utf-8"))
]


class Asked(Exception):  # noqa: N818 - it ends the action once its options are known
    """The action has asked for its options."""


def asked_by(action: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def options(_self: ControllerAction, *, required_if: Any = (), **spec: Any) -> dict[str, Any]:  # noqa: ARG001 - as the real one takes it
        found.update(spec)
        raise Asked

    monkeypatch.setattr(ControllerAction, "options", options)
    monkeypatch.setattr(ControllerAction, "templated", lambda *_given: None)
    module = importlib.import_module(f"{ACTIONS}.{action.replace('/', '.')}")
    one = module.ActionModule(*[MagicMock()] * 6)
    with pytest.raises(Asked):
        one.act(defaultdict(MagicMock))
    return found


def test_every_reason_to_refuse_slots_is_documented() -> None:
    text = (PLUGINS / "modules/rolling_lock.py").read_text(encoding="utf-8")
    assert [why for why in Why if f"V({why})" not in text] == []


def test_there_are_such_modules() -> None:
    assert len(NAMES) > 10


@pytest.mark.parametrize("name", NAMES)
def test_what_is_documented_is_what_the_action_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = documented((PLUGINS / f"modules/{name}.py").read_text(encoding="utf-8"))
    spec = asked_by(name, monkeypatch)
    assert docs.keys() == spec.keys()
    for option, said in docs.items():
        takes = spec[option]
        assert said["type"] == takes.get("type", "str"), option
        assert said.get("required", False) == takes.get("required", False), option
        assert sorted(said.get("choices") or []) == sorted(takes.get("choices") or []), option
        assert takes.get("elements") in (said.get("elements"), "raw"), option
        assert said.get("default") in (takes.get("default"), None), option
