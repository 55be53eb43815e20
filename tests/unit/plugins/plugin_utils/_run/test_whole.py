"""A play that would not run as it is written is refused before it begins."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible_collections.orderly.services.plugins.plugin_utils._run.whole import (
    WholeError,
    check_as_written,
    check_core,
)

ALL = {"ansible_run_tags": ["all"], "ansible_skip_tags": []}


def check(strategy: str = "ansible.builtin.linear", **tags: Any) -> None:
    play: Any = SimpleNamespace(strategy=strategy)
    check_as_written(
        "The roll", {**ALL, **{f"ansible_{name}_tags": each for name, each in tags.items()}}, play
    )


@pytest.mark.parametrize("strategy", ["linear", "ansible.builtin.linear", "free"])
@pytest.mark.parametrize("run", [["all"], ["all", "debugging"], [], None])
def test_a_whole_play_begins(strategy: str, run: list[str] | None) -> None:
    check(strategy, run=run)


@pytest.mark.parametrize(
    "tags", [{"run": ["step3"]}, {"skip": ["packages"]}, {"run": ["all"], "skip": ["never"]}]
)
def test_tags_of_any_kind_are_refused(tags: dict[str, list[str]]) -> None:
    with pytest.raises(WholeError, match=r"The roll does not take --tags or --skip-tags"):
        check(**tags)


@pytest.mark.parametrize("strategy", ["host_pinned", "debug", "mitogen_linear"])
def test_another_strategy_is_refused_by_name(strategy: str) -> None:
    with pytest.raises(WholeError, match=f"its play has the strategy {strategy}"):
        check(strategy)


def test_undefined_values_are_refused_where_ansible_would_let_them_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_UNDEFINED_VAR_BEHAVIOR", False, raising=False)
    with pytest.raises(WholeError, match="ANSIBLE_ERROR_ON_UNDEFINED_VARS=true"):
        check()


@pytest.mark.parametrize("version", ["2.15.13", "2.9.27", "1.0"])
def test_an_ansible_core_that_is_too_old_is_refused(version: str) -> None:
    with pytest.raises(
        WholeError, match=rf"This is ansible-core {version}; orderly.services needs 2.16 or later"
    ):
        check_core(version)


@pytest.mark.parametrize("version", ["2.16.0", "2.21.5", "2.22.0b1", "3.0.0"])
def test_later_ones_are_taken(version: str) -> None:
    check_core(version)
