"""The roles that services of the inventory are made into: files in a cache of this user, written once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .._common.places import home_folder, open_to_others
from .service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .data import ServiceData

DAYS = 90


def made_roles(services: Iterable[ServiceData]) -> Path:
    """Write the roles of services where they are not there yet, and give the folder that holds them.

    Its name is a hash of all it holds, so what is there is what it has to be. Folders that nobody has used for long go.

    :raises CatalogueError: where it cannot be written, or others could have written it
    """
    files = {service.name: service.files() for service in services}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache_folder() / digest
    if why := open_to_others(folder):
        raise CatalogueError(
            f"The roles of orderly_services in {folder} are not used: {why}. Remove that folder."
        )
    if folder.is_dir():
        with suppress(OSError):
            os.utime(folder)
    else:
        try:
            _remove_old(folder.parent)
            _write(
                folder,
                {f"{name}/{place}": text for name, each in files.items() for place, text in each.items()},
            )
        except OSError as exc:
            raise CatalogueError(
                f"The roles of orderly_services cannot be written to {folder}: {exc.strerror}. "
                "XDG_CACHE_HOME says where caches are."
            ) from None
    return folder


def cache_folder() -> Path:
    """Tell where this user's are."""
    cache = os.environ.get("XDG_CACHE_HOME") or home_folder("XDG_CACHE_HOME", "HOME") / ".cache"
    return Path(cache) / "orderly" / "services"


def _remove_old(cache: Path) -> None:
    latest = time.time() - DAYS * 24 * 3600
    for each in cache.glob("*"):
        if each.stat().st_mtime < latest:
            shutil.rmtree(each, ignore_errors=True)


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write all files or none; another process may do the same at this moment."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        for place, text in texts.items():
            (scratch / place).parent.mkdir(parents=True, exist_ok=True)
            (scratch / place).write_text(text, encoding="utf-8")
        with suppress(FileExistsError):
            scratch.rename(folder)
    except OSError as exc:
        if not folder.is_dir():
            raise exc from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
