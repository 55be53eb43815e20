# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services of this host were finalized last by which campaign, so that no finalizer runs twice.

The journal cannot know it where a controller dies when a finalizer has come to its end; the host does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._host.documents import read_document, write_document
from .._host.errors import HostError, NewerFormatError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Dict, Iterable

    Finalized = Dict[str, str]

    """By service, the campaign."""


def read_finalized(path: Path) -> Finalized:
    """Read what is on record; nothing where there is no file."""
    try:
        document = read_document(path)
        # The first versions wrote nothing but the services.
        finalized = document.get("services") if "format" in document else document
        if not isinstance(finalized, dict) or not all(isinstance(each, str) for each in finalized.values()):
            raise HostError("expected the campaign of each service")
    except FileNotFoundError:
        return {}
    except NewerFormatError:
        raise
    except HostError as exc:
        raise HostError(
            f"{path} does not say which services were finalized ({exc}). Remove it, and each finalizer that "
            "is still open will run once more.",
            path=str(path),
        ) from exc
    return dict(finalized)


def write_finalized(path: Path, finalized: Finalized) -> None:
    """Write the record, whole or not at all."""
    write_document(path, {"services": finalized})


def with_finalized(known: Finalized, services: Iterable[str], campaign: str) -> Finalized:
    """Give the record after a campaign has finalized services."""
    return {**known, **dict.fromkeys(services, campaign)}
