# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine this is, so that one that is reached under two names can be told."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from .files import boot_id


def machine_mark(root: Path = Path("/")) -> str:
    """Give a mark that two answers share only if they come from one boot of one machine.

    Clones share a machine id, and containers the boot id of the kernel below them; of those, each has a namespace of
    processes. The mark is a hash, as systemd asks to keep the machine id from others.
    """
    file = root / "etc/machine-id"
    machine = file.read_text(encoding="ascii", errors="replace").strip() if file.exists() else ""
    known = f"orderly.services {machine} {boot_id(root)} {os.readlink(str(root / 'proc/self/ns/pid'))}"
    return hashlib.sha256(known.encode()).hexdigest()[:32]
