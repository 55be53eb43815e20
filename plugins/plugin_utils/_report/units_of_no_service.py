"""What settles the restart of a unit that no service has: no roll does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.shell import ad_hoc
from .._common.text import listed, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence


def of_no_service(unit: str, hosts: Sequence[str]) -> str:
    """Say it of a unit that waits on some hosts, with what to type."""
    command = ad_hoc(hosts, "restart_services", f"units={unit}")
    return (
        f"{unit} on {listed(shortened(hosts))}: no service has this unit, so no roll restarts it. Write it into the "
        f"units of one, or restart it host by host: {command}"
    )
