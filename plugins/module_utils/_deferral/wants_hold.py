# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a package can be upgraded under a running daemon, as its maintainer scripts tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .shell_commands import upgrade_commands

if TYPE_CHECKING:
    from typing import Iterable, Sequence

    from .shell_commands import Command

PREINST, PRERM = "preinst", "prerm"
STOPS = "stops it without asking"
INSISTS = "insists that it is stopped"
READS = "reads its data"

_STOPPING = re.compile(
    r"(?:force-)?(?:stop|restart)|(?:try-|cond|reload-or-|try-reload-or-)restart|kill|shutdown|stop_app"
)
_CONTROL = {  # programs that stop a server when they are told to
    *(
        "mysqladmin",
        "mariadb-admin",
        "rabbitmqctl",
        "pg_ctlcluster",
        "pg_ctl",
        "redis-cli",
        "valkey-cli",
        "ejabberdctl",
    ),
    *(
        "apache2ctl",
        "apachectl",
        "rndc",
        "unbound-control",
        "varnishadm",
        "supervisorctl",
        "mongod",
        "nodetool",
        "ndsctl",
    ),
}
_KILLERS = ("kill", "pkill", "killall", "killall5", "skill")
_HARMLESS = re.compile(r"-{1,2}(?:s|signal=?)?(?:SIG)?(?:0|1|10|12|18|HUP|USR1|USR2|CONT)|-l|-L|--list")
_DATA = (
    "slapcat",
    "slapadd",
    "slapindex",
    "mysql_upgrade",
    "mariadb-upgrade",
    "myisamchk",
    "aria_chk",
    "pg_upgradecluster",
)
_WRAPPERS = ("exec", "command", "env", "nohup", "!")
_GIVES_UP = ("exit", "return", "die", "abort")
_NEAR = 4  # how many commands later what became of one is looked at


@dataclass(frozen=True)
class Reason:
    """Why a package is not to be upgraded under a running unit; without *targets* it does not say what it stops."""

    why: str
    command: str
    line: int
    targets: tuple[str, ...] = ()

    def concerns(self, units: Iterable[str]) -> bool:
        """Tell whether it may be about one of these units, under any of the names that are given."""
        named = [base_name(target) for target in self.targets]
        return not named or any("$" in name or name in {base_name(unit) for unit in units} for name in named)


def reasons(script: str, text: str) -> list[Reason]:
    """Say why a package that has this *preinst* or *prerm* cannot be upgraded under its running daemon.

    A script that asks whether it may (with invoke-rc.d or deb-systemd-invoke, as debhelper's snippets do) and goes on
    either way is no reason.
    """
    commands = upgrade_commands(text)
    found = (_reason(script, commands, number) for number in range(len(commands)))
    return [reason for reason in found if reason]


def asks_to_stop(text: str, units: Sequence[str]) -> str:
    """Give what a *preinst* or *prerm* asks to stop in an upgrade, if that is one of these units; else nothing.

    Here debhelper's snippets count as well.
    """
    names = {base_name(unit) for unit in units}
    for command in upgrade_commands(text.replace("# Automatically added", "#")):
        words = _without_wrappers(command.words)
        program = PurePosixPath(words[0]).name if words else ""
        if program in ("invoke-rc.d", "deb-systemd-invoke"):
            arguments = [word for word in words[1:] if not word.startswith("-")]
            asked = [each for each in _asked(program, words, arguments) if base_name(each) in names]
            if asked:
                return asked[0]
    return ""


def _reason(script: str, commands: Sequence[Command], number: int) -> Reason | None:
    command = commands[number]
    words = _without_wrappers(command.words)
    if not words:
        return None
    program, arguments = (
        PurePosixPath(words[0]).name,
        [word for word in words[1:] if not word.startswith("-")],
    )
    said = " ".join(words)
    if script == PREINST and program in _DATA:
        return Reason(READS, said, command.line)
    if program in ("invoke-rc.d", "deb-systemd-invoke"):
        targets = _asked(program, words, arguments)
        insists = script == PREINST and targets and _insists(commands, number)
        return Reason(INSISTS, said, command.line, targets) if insists else None
    stopped = _stopped(words, program, arguments)
    return None if stopped is None else Reason(STOPS, said, command.line, stopped)


def _without_wrappers(words: Sequence[str]) -> list[str]:
    left = list(words)
    while left and (left[0] in _WRAPPERS or re.match(r"\w+=", left[0])):
        left.pop(0)
    return left


def _asked(program: str, words: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """Name what a command asks to stop; nothing where it asks for something else."""
    if "--user" in words or len(arguments) < 2:
        return ()
    actions, targets = (
        (arguments[1], arguments[:1]) if program == "invoke-rc.d" else (arguments[0], arguments[1:])
    )
    return tuple(targets) if _STOPPING.fullmatch(actions) else ()


def _stopped(words: Sequence[str], program: str, arguments: Sequence[str]) -> tuple[str, ...] | None:
    """Name what a command stops, which may be nothing that it names; none where it stops nothing."""
    if program == "systemctl":
        stops = arguments and _STOPPING.fullmatch(arguments[0]) and "--user" not in words
        return tuple(arguments[1:]) or None if stops else None
    if program == "service":
        return tuple(arguments[:1]) if len(arguments) > 1 and _STOPPING.fullmatch(arguments[1]) else None
    if words[0].startswith("/etc/init.d/"):
        return (program,) if arguments and _STOPPING.fullmatch(arguments[0]) else None
    return () if _ends_processes(words, program, arguments) else None


def _ends_processes(words: Sequence[str], program: str, arguments: Sequence[str]) -> bool:
    if program in _CONTROL:
        return any(_STOPPING.fullmatch(argument) for argument in arguments)
    options = [word for word in words[1:] if word.startswith("-")]
    joined = "".join(words[1:3])  # -s HUP is two words
    if program == "start-stop-daemon":
        return ("--stop" in options or "-K" in options) and not {"--test", "-t", "--signal", "-s"} & set(
            options
        )
    is_harmless = any(_HARMLESS.fullmatch(option) for option in [*options, joined])
    return program in _KILLERS and len(words) > 1 and not is_harmless


def _insists(commands: Sequence[Command], number: int) -> bool:
    """Tell whether a script gives up where a command fails, so that it relies on what that command does."""
    command = commands[number]
    later = [each for each in commands[number + 1 :] if each.function == command.function]
    if command.then == "||":
        return any(map(_gives_up, later[:_NEAR]))
    looks = command.words[0] == "!" or any("$?" in word for each in later[:_NEAR] for word in each.words)
    return looks and any(map(_gives_up, later))


def _gives_up(command: Command) -> bool:
    return command.words[0] in _GIVES_UP and command.words[1:2] not in (("0",), ())


def base_name(unit: str) -> str:
    """Give the name of a unit, or of what a script calls one, without suffix and instance."""
    name = unit[: -len(".service")] if unit.endswith(".service") else unit
    return name.split("@", 1)[0]
