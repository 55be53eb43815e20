"""How many of some hosts: a number (1 or more), or a percentage from 1% to 100%."""

from __future__ import annotations

import re
from typing import Any

WHOLE, SHARE = r"[1-9][0-9]*", r"([1-9][0-9]?|100)%"


def read_size(value: Any) -> int | str:
    """Read a number or a percentage; raises :class:`ValueError` with anything else."""
    if isinstance(value, str) and re.fullmatch(f"0|{WHOLE}", value):
        value = int(value)  # extra vars given as key=value are strings
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if not whole and not (isinstance(value, str) and re.fullmatch(SHARE, value)):
        raise ValueError(repr(value))
    size: int | str = value
    return size


def slots_of(size: int | str, hosts: int) -> int:
    """Count the hosts that a size means, as a disruption budget does: rounded down, at least 1."""
    if isinstance(size, str):
        return max(1, hosts * int(size.removesuffix("%")) // 100)
    return max(1, size)
