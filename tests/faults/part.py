"""Which part of these tests is played: with FAULTS=all in the environment all of it, else one fault of each kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

Case = TypeVar("Case")
ALL = os.environ.get("FAULTS") == "all"
only_with_all = pytest.mark.skipif(not ALL, reason="played with FAULTS=all")


def chosen(cases: Sequence[Case], number: int) -> Sequence[Case]:
    """Give all cases, or the one of a number where only a part is played."""
    return cases if ALL else [cases[number]]
