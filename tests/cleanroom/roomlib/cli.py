"""Edge: what users type."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fleetlib import machine
from fleetlib.errors import FleetError
from fleetlib.shell import say

from .room import Room, Visitor, make_room

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = "Run a command of this project in a bare Debian root that is removed afterwards."


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="room", description=DESCRIPTION)
    top.add_argument("--suite", default="bookworm", help="a release of Debian (default: bookworm)")
    top.add_argument("--user", action="store_true", help="run as an ordinary user, who may use sudo")
    top.add_argument("--without-sudo", action="store_true", help="an ordinary user who may not")
    top.add_argument("--with", dest="packages", action="append", default=[], metavar="PACKAGE",
                     help="a package that is there already; may be repeated")  # fmt: skip
    top.add_argument("--drop", action="append", default=[], metavar="CAPABILITY",
                     help="a capability that the machine's root has not, as in a container")  # fmt: skip
    checkout = Path(__file__).resolve().parents[3]
    top.add_argument(
        "--checkout", type=Path, default=checkout, help="whose tracked files are copied (default: this)"
    )
    top.add_argument("argv", nargs="+", metavar="COMMAND", help="what to run in the copy")
    return top


def main(argv: Sequence[str]) -> int:
    """Make a room, run the command in it, and give its exit status."""
    options = parser().parse_args(argv)
    try:
        machine.become_root(argv, dict(os.environ))
        visitor = Visitor(
            is_root=not (options.user or options.without_sudo),
            may_sudo=options.user,
            dropped=tuple(options.drop),
        )
        with make_room(machine.cache_folder(dict(os.environ)), options.suite) as root:
            room = Room(root, visitor)
            room.prepare(options.checkout, options.packages)
            return room.run(options.argv)
    except FleetError as error:
        say(f"room: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
