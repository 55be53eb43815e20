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
    from collections.abc import Callable, Sequence

    Act = Callable[[Lab, argparse.Namespace], None]

DESCRIPTION = "Real systemd hosts in containers on this machine, reached over ssh."


def parser() -> argparse.ArgumentParser:
    """Describe the command line; each command knows the function that does it."""
    fleet = argparse.ArgumentParser(add_help=False)
    fleet_help = "which fleet, as several can live side by side (default: $FLEET, else orderly)"
    fleet.add_argument("--fleet", metavar="NAME", default=argparse.SUPPRESS, help=fleet_help)
    top = argparse.ArgumentParser(prog="fleet", description=DESCRIPTION, parents=[fleet])
    top.set_defaults(needs_root=True)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, act: Act, text: str, **defaults: object) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=[fleet])
        command.set_defaults(act=act, **defaults)
        return command

    up = add("up", _up, "start hosts, new or stopped (all when none is named); print the inventory's path")
    up.add_argument("names", nargs="*", metavar="HOST")
    up.add_argument("--suite", choices=hosts.SUITES, help=f"of new hosts (default: {hosts.DEFAULT_SUITE})")
    run = add("exec", _exec, "run a command in a host, as in: fleet exec web1 -- systemctl status")
    run.add_argument("name", metavar="HOST")
    run.add_argument("argv", nargs="*", metavar="-- CMD")
    add("ls", _ls, "list the hosts: name, address, state, suite")
    kill = add("kill", _kill, "cut the power of hosts; up starts them again")
    kill.add_argument("names", nargs="+", metavar="HOST")
    offer = add("offer-updates", _offer, "offer security updates inside hosts (all when none is named)")
    offer.add_argument("names", nargs="*", metavar="HOST")
    add("inventory", _inventory, "print the path of the inventory file", needs_root=False)
    down = add("down", _down, "remove the fleet; the cached images stay")
    down.add_argument("--image", action="store_true", help="remove the cached images too")
    down.add_argument("--all", action="store_true", help="remove every fleet, the images and the ssh key")
    return top


def _up(lab: Lab, options: argparse.Namespace) -> None:
    lab.up(options.names, options.suite)
    print(lab.inventory)


def _exec(lab: Lab, options: argparse.Namespace) -> None:
    lab.exec(options.name, options.argv)


def _ls(lab: Lab, _options: argparse.Namespace) -> None:
    for line in lab.ls():
        print(line)


def _kill(lab: Lab, options: argparse.Namespace) -> None:
    lab.kill(options.names)


def _offer(lab: Lab, options: argparse.Namespace) -> None:
    lab.offer_updates(options.names)


def _inventory(lab: Lab, _options: argparse.Namespace) -> None:
    print(lab.inventory)


def _down(lab: Lab, options: argparse.Namespace) -> None:
    if options.all:
        lab.forget_everything()
    else:
        lab.down(images=options.image)


def parse(argv: Sequence[str], default_fleet: str) -> argparse.Namespace:
    """Read the command line; everything behind -- is a command's own."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    top = parser()
    options = top.parse_args(words[:end], argparse.Namespace(fleet=default_fleet))
    if options.command == "exec":
        options.argv += words[end + 1 :]
        if not options.argv:
            top.error("exec needs a command, as in: fleet exec web1 -- systemctl status")
    elif words[end + 1 :]:
        top.error(f"{options.command} takes nothing behind --")
    return options


def main(argv: Sequence[str]) -> int:
    """Run a command; what people can fix is said in a sentence."""
    environ = dict(os.environ)
    options = parse(argv, environ.get("FLEET") or "orderly")
    try:
        lab = Lab(machine.paths(environ), hosts.check_fleet_name(options.fleet))
        if options.needs_root and (options.act is _up or lab.was_used):
            machine.become_root(argv, environ)
        options.act(lab, options)
    except FleetError as error:
        say(f"fleet: {error}")
        return 1
    except KeyboardInterrupt:
        sys.stderr.flush()
        os._exit(130)  # not waiting for the threads that wait for hosts
    return 0
