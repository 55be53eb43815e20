"""Links of Markdown files to other files, and to headings, of this repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
NO_PART = re.compile(r"[^\w\- ]")


def broken(root: Path) -> Iterator[str]:
    """Name the links that lead nowhere, each with the file it stands in; hidden folders are not looked into."""
    for file in sorted(root.rglob("*.md")):
        if not any(part.startswith(".") for part in file.relative_to(root).parts):
            for path, anchor in LINK.findall(_prose(file)):
                target = (file.parent / path) if path else file
                if not target.exists() or (anchor and anchor not in anchors(target)):
                    yield f"{file.relative_to(root)}: {path}{'#' if anchor else ''}{anchor} leads nowhere"


def anchors(file: Path) -> set[str]:
    """Name the anchors that GitHub makes of the headings of a file."""
    plain = (NO_PART.sub("", heading.lower()).replace(" ", "-") for heading in HEADING.findall(_prose(file)))
    return set(plain) if file.suffix == ".md" else set()


def _prose(file: Path) -> str:
    return FENCED.sub("", file.read_text(encoding="utf-8"))
