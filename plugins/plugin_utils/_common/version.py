"""Which version of the collection this is, installed or in a checkout."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]


@cache
def collection_version() -> str:
    """Tell the version of this collection."""
    manifest = ROOT / "MANIFEST.json"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    found = re.search(r"^version: *(\S+)", (ROOT / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip("\"'") if found else ""
