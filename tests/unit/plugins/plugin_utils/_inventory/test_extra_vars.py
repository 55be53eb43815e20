from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.extra_vars import (
    counts_from_e_alone,
    extra_variable,
)

if TYPE_CHECKING:
    import pytest


def test_what_e_says_is_given_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"db": "{{ db }}", "none": None}
    monkeypatch.setattr(load_extra_vars, "extra_vars", given, raising=False)
    assert [extra_variable(DataLoader(), name) for name in ("db", "none", "other")] == [
        "{{ db }}",
        None,
        None,
    ]


def test_who_sets_it_elsewhere_is_told_how_to_say_it() -> None:
    assert "-e upgrade_confirm=" in counts_from_e_alone("upgrade_confirm")
