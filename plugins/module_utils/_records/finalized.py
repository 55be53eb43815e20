# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services of this host were finalized last by which campaign, so that no finalizer runs twice.

The journal cannot know it where a controller dies when a finalizer has come to its end; the host does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .._host.errors import HostError
from .._host.files import read_text, write_text
from .._host.yaml import YamlError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Dict, Iterable

    Finalized = Dict[str, str]

    """By service, the campaign."""


def read_finalized(path: Path) -> Finalized:
    """Read what is on record; nothing where there is no file."""
    try:
        finalized = json.loads(read_text(path))
        if not isinstance(finalized, dict) or not all(isinstance(each, str) for each in finalized.values()):
            raise ValueError("expected the campaign of each service")
    except FileNotFoundError:
        return {}
    except (ValueError, YamlError) as exc:
        raise HostError(
            f"{path} does not say which services were finalized ({exc}). Remove it, and each finalizer that "
            "is still open will run once more.",
            path=str(path),
        ) from exc
    return finalized


def write_finalized(path: Path, finalized: Finalized) -> None:
    """Write the record, whole or not at all."""
    write_text(path, json.dumps(finalized, indent=1, sort_keys=True) + "\n")


def with_finalized(known: Finalized, services: Iterable[str], campaign: str) -> Finalized:
    """Give the record after a campaign has finalized services."""
    return {**known, **dict.fromkeys(services, campaign)}
