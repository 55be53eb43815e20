"""Names that the playbook of a plan, its gate and the callback share."""

from __future__ import annotations

import re
from pathlib import Path

PLANNED = "orderly_hosts"  # the variable of a play that names all its hosts
LEFT = (
    "orderly_left"  # the fact of localhost that names the hosts of each play that have something left to do
)
OPENED = "orderly_campaign"  # what the first gate of a run said
SEEN_MEMBERS = "orderly_members"  # what a host saw of the members that its wave relies on
NO_HOST = "!all"
VERIFY_PLAY = "verify-"  # and the name of a service: the play that verifies it again
RANK_PLAY = "rank-"  # and the name of a service: the play that finds out which of its hosts go last
WAVE = "Wave "  # and its number: the title of a wave
WAVE_TITLE = re.compile(rf"{WAVE}(\d+) · ([^|]*)")  # how the plays of a plan are named
COPY = "orderly_plan_"
"""How a plan names its copies of roles; a collection's own role would be found before a copy of the same name."""

_COPIED = re.compile(rf"^{COPY}(?=[^:]+ : )")
_PLACE = re.compile(rf"(?P<file>.*/{COPY}(?P<service>[^/]+)/(?P<rest>.+)):(?P<line>\d+)")
_ORIGIN = re.compile(r"\s*# (\S+:\d+)")


def task_as_written(name: str) -> str:
    """Give the name of a task with the role that its author gave it to, and not the copy in the plan."""
    return _COPIED.sub("", name)


def place_as_written(path: str) -> str:
    """Tell where the author of a role wrote a task, by its place in the plan's copy; nothing for any other task.

    What is split by step has a comment above that says so; what is copied whole has its place.
    """
    if not (place := _PLACE.fullmatch(path)):
        return ""
    try:
        above = Path(place["file"]).read_text(encoding="utf-8").splitlines()[int(place["line"]) - 2]
    except (OSError, ValueError, IndexError):
        above = ""
    origin = _ORIGIN.fullmatch(above)
    return origin[1] if origin else f"{place['service']}/{place['rest']}:{place['line']}"
