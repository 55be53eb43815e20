"""The disruption budget: how many hosts of a service may be unavailable at the same time."""

from __future__ import annotations


def slots_of(max_unavailable: int | str, members: int) -> int:
    """Count the slots of a budget, a number or a percentage of all members: rounded down, at least 1."""
    if isinstance(max_unavailable, str):
        return max(1, members * int(max_unavailable.removesuffix("%")) // 100)
    return max(1, max_unavailable)
