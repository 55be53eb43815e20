# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services this host has, and their units: noted by the role that sets up its status, for whoever asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._host.documents import read_document
from .._host.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "usr/lib/orderly/services.json"


def read_deployed(path: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Read the units by service, none where nobody noted them, and say what keeps them from being read."""
    try:
        units = read_document(path).get("services")
    except FileNotFoundError:
        return {}, []
    except (OSError, HostError) as exc:
        return {}, [f"{path} cannot be read, so nobody looks whether services run: {exc}."]
    if not isinstance(units, dict) or not all(isinstance(each, list) for each in units.values()):
        return {}, [f"{path} does not say which units the services of this host have."]
    return {str(name): [str(unit) for unit in each] for name, each in units.items()}, []
