"""What the ``rank.yml`` of a role sets on each host: a whole number, lower ones first. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._common.text import listed, natural, shortened
from .catalogue import variable
from .steps import RANK

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 18  # digits


def whole_number(value: Any) -> int | None:
    """Read a rank, which set_fact may have made a text; nothing where it is none."""
    if isinstance(value, str) and re.fullmatch(f"-?[0-9]{{1,{_LONGEST}}}", value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def rank_variable(service: str) -> str:
    """Name the variable that a role sets."""
    return variable(service, RANK)


def where_not_set(service: str, hosts: Iterable[str], file: object) -> str:
    """Say on which hosts the *file* of a role has not set its rank, and what to do: the end of a sentence."""
    where = listed(shortened(sorted(hosts, key=natural)))
    return (
        f"{rank_variable(service)} on {where}, so nobody knows who goes last. Let it set one on every host, in {file}; "
        "a host on which the service is down has a rank too."
    )
