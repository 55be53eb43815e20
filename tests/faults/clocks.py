"""Clocks that are wrong: a library between a program and the kernel, in whatever the program starts too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ansible_collections.orderly.services.tests.debian import unpacked

ROOT = Path(__file__).resolve().parents[2]


@cache
def library() -> str:
    """Find the library in Debian's package."""
    (found,) = unpacked("libfaketime", ROOT / ".build/faketime").glob("usr/lib/*/faketime/libfaketimeMT.so.1")
    return str(found)


def at(offset: str, path: str = "") -> dict[str, str]:
    """Give the environment of a program whose clocks are wrong by an *offset* as in ``+1h``.

    Its monotonic clock is wrong by as much, always: then the library keeps the two apart when the program sleeps.
    """
    return {"LD_PRELOAD": path or library(), "FAKETIME": offset, "FAKETIME_DISABLE_SHM": "1"}
