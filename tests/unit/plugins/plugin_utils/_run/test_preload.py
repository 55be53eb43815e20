"""What workers need is there before they are forked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run.preload import PLUGINS, preload

ACTIONS = Path(sys.modules[preload.__module__].__file__ or "").parents[2] / "action"


def test_what_is_preloaded_is_what_ansible_finds_by_its_name() -> None:
    preload("internal.upgrade_gate")
    assert f"{PLUGINS}.plugin_utils._action" in sys.modules
    assert sys.modules[f"{PLUGINS}.action.internal.upgrade_gate"].ActionModule


def test_an_action_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        preload("internal.upgrade_gates")


@pytest.mark.parametrize("lookup", ["hosts_of", "roll_batches", "upgrade_end"])
def test_lookups_preload_actions_that_there_are(lookup: str) -> None:
    text = (ACTIONS.parent / f"lookup/internal/{lookup}.py").read_text()
    (call,) = [line.strip() for line in text.splitlines() if line.strip().startswith("preload(")]
    names = [
        each.strip(' "')
        for each in call.removeprefix("preload(").removesuffix(")").split(",")
        if each.strip()
    ]
    assert all((ACTIONS / f"{name.replace('.', '/')}.py").is_file() for name in names)
