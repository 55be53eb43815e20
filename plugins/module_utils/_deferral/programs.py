# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs a unit is made of, so that their packages tell whose it is.

A shell, an interpreter or a wrapper runs the programs of others. Of a unit that begins with one, as mariadb.service of
Debian does, the programs that its arguments name count, and what its main process runs in the end. Debian's
postgresql@15-main.service begins with a program of postgresql-common, for servers of all versions; its own one counts.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.systemd import read_program

if TYPE_CHECKING:
    from typing import Callable, Mapping

PROPERTIES = ("ExecStart", "MainPID")
"""What systemd must tell of a unit for :func:`read_programs`."""

_SHELLS = "sh|r?bash|dash|busybox|[mp]?ksh(?:93)?|zsh|fish|t?csh|yash|posh"
_LANGUAGES = (
    "python|pypy|perl|ruby|jruby|node|nodejs|java|jsvc|tclsh|wish|expect|lua|luajit|guile|mono|mono-sgen|dotnet|php|"
    "erl|erlexec|escript|beam(?:\\.smp)?|Rscript|[gm]?awk"
)
_WRAPPERS = (
    "env|nice|ionice|chrt|taskset|numactl|nohup|setsid|stdbuf|timeout|flock|chroot|unshare|setpriv|runuser|su|sudo|"
    "gosu|authbind|eatmydata|start-stop-daemon|daemon|tini|dumb-init|systemd-cat|systemd-run|systemctl"
)
_INTERPRETER = re.compile(f"(?:{_SHELLS}|{_WRAPPERS}|(?:{_LANGUAGES})[\\d.-]*(?:dbg)?)")
_COMMAND = re.compile(r"\{ path=(/.+?) ; argv\[\]=(.*?)(?: ; (?:ignore_errors|flags)=|$)")
_PATH = re.compile(r"(?<![\w./:@%+~}-])/[\w./@%+~-]+")
_CLUSTER = re.compile(r"/pg_ctlcluster (?:-\S+ )*([\d.]+)-\S+ start")
_EXEC = re.compile(r"(?<![\w-])exec\s")


@dataclass(frozen=True)
class Programs:
    """The paths of a unit's programs: its *own*, and those *named* in the arguments of a shell or an interpreter.

    What is named may also be a tool that the daemon is prepared with, as mkdir.
    """

    own: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


def is_interpreter(program: str) -> bool:
    """Tell whether a program runs the programs of others, and so is not what a unit is."""
    return bool(_INTERPRETER.fullmatch(os.path.basename(program)))


def named_programs(arguments: str, is_program: Callable[[str], bool]) -> tuple[str, ...]:
    """Give the programs that the arguments of an interpreter name; where a shell says ``exec``, only from there on."""
    paths = _PATH.findall(_EXEC.split(arguments, maxsplit=1)[-1])
    return tuple(path for path in dict.fromkeys(paths) if not is_interpreter(path) and is_program(path))


def read_programs(values: Mapping[str, str], root: Path = Path("/")) -> Programs:
    """Find the programs of a unit from its :data:`PROPERTIES`; below *root* are programs and processes."""
    commands = _COMMAND.findall(values.get("ExecStart", ""))
    interpreted = [arguments for path, arguments in commands if is_interpreter(path)]
    own = [path for path, _arguments in commands if not is_interpreter(path)]
    versions = [version for _path, arguments in commands for version in _CLUSTER.findall(arguments)]
    own += [f"/usr/lib/postgresql/{version}/bin/postgres" for version in versions]
    if interpreted:
        main = read_program(int(values.get("MainPID") or 0), root)
        own += [main.path] if main and not is_interpreter(main.path) else []
    named = [
        path for each in interpreted for path in named_programs(each, lambda one: _is_program(one, root))
    ]
    return Programs(tuple(own), tuple(dict.fromkeys(named)))


def _is_program(path: str, root: Path) -> bool:
    """Tell whether it is a file that somebody may execute, be it not we."""
    try:
        mode = (root / path.lstrip("/")).stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)
