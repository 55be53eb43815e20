"""Edge: what users type."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from . import hosts, machine
from .errors import FleetError
from .lab import Lab
from .shell import say

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = "Real systemd hosts in containers on this machine, reached over ssh."


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="fleet", description=DESCRIPTION)
    fleet_help = "which fleet; several can live side by side (default: $FLEET or orderly)"
    top.add_argument("--fleet", metavar="NAME", default=os.environ.get("FLEET") or "orderly", help=fleet_help)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start hosts, old and new, and print the path of the inventory")
    up.add_argument("names", nargs="*", metavar="HOST")
    up.add_argument("--suite", choices=["bookworm", "trixie"], default="bookworm", help="of new hosts")

    run = commands.add_parser("exec", help="run a command in a host: fleet exec web1 -- CMD…")
    run.add_argument("name", metavar="HOST")
    run.add_argument("argv", nargs="+", metavar="CMD")

    commands.add_parser("ls", help="list the hosts: name, address, state, suite")
    kill = commands.add_parser("kill", help="cut the power of hosts; up starts them again")
    kill.add_argument("names", nargs="+", metavar="HOST")
    offer = commands.add_parser("offer-updates", help="offer the suite's security updates in hosts (all by default)")
    offer.add_argument("names", nargs="*", metavar="HOST")
    commands.add_parser("inventory", help="print the path of the inventory file")
    commands.add_parser("down", help="remove the fleet")
    return top


def run(options: argparse.Namespace) -> None:
    """Do what was asked."""
    lab = Lab(machine.paths(dict(os.environ)), hosts.check_fleet_name(options.fleet))
    match options.command:
        case "up":
            lab.up([hosts.check_host_name(name) for name in options.names], options.suite)
            print(lab.inventory)
        case "exec":
            lab.exec(options.name, options.argv)
        case "ls":
            for row in lab.ls():
                print("  ".join(row))
        case "kill":
            lab.kill(options.names)
        case "offer-updates":
            lab.offer_updates(options.names)
        case "inventory":
            print(lab.inventory)
        case "down":
            lab.down()


def main(argv: Sequence[str]) -> int:
    """Run a command; errors that are meant for people are told in a sentence."""
    options = parser().parse_args(argv)
    try:
        machine.become_root(argv, dict(os.environ))
        run(options)
    except FleetError as error:
        say(f"fleet: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
