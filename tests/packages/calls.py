"""What packages asked for, as the kernel saw it: the programs that dpkg and all its children began, read from strace.

It shares nothing with the policy-rc.d that is judged by it. ``strace -ff`` writes one file for each process.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SYSCALLS = "execve,fork,vfork,clone,clone3"
ASKING = ("deb-systemd-invoke", "invoke-rc.d")  # they ask policy-rc.d
DIRECT = ("systemctl", "service")  # they do not
ACTIONS = {
    *("start", "stop", "restart", "try-restart", "condrestart", "reload", "force-reload", "force-stop"),
    *("reload-or-restart", "try-reload-or-restart", "kill", "upgrade"),
}
_EXECVE = re.compile(r'([\d.]+) execve\("([^"]+)", \[(.*?)\](?:\.\.\.)?, 0x.*\s= 0$')
_CHILD = re.compile(r"[\d.]+ (?:fork|vfork|clone|clone3)\(.*\)\s+= (\d+)$")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SCRIPT = re.compile(r"(?:/var/lib/dpkg/info/|/var/lib/dpkg/tmp\.ci/)(.*)$")


class Call(NamedTuple):
    """An action that something below dpkg wanted, of which units or services, with which program.

    *script* is the maintainer script behind it, with its arguments (``nginx.postinst configure 1.22``); empty if none.
    """

    program: str
    action: str
    units: tuple[str, ...]
    script: str


class _Program(NamedTuple):
    time: float
    path: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return PurePath(self.path).name


def read_calls(folder: Path) -> list[Call]:
    """Read what was called, in the order of time, from the files ``trace.PID`` in a folder."""
    processes, parents = {}, {}
    for file in folder.glob("trace.*"):
        pid, lines = int(file.suffix[1:]), file.read_text(errors="replace").splitlines()
        processes[pid] = list(_programs(lines))
        parents.update({int(match[1]): pid for match in map(_CHILD.match, lines) if match})
    found = []
    for pid, programs in processes.items():
        for number, program in enumerate(programs):
            above = [*programs[:number], *_above(pid, processes, parents)]
            found += [(program.time, call) for call in _calls(program, above)]
    return [call for _time, call in sorted(found)]


def _programs(lines: Iterable[str]) -> Iterator[_Program]:
    for match in filter(None, map(_EXECVE.match, lines)):
        words = [re.sub(r"\\(.)", r"\1", word) for word in _WORD.findall(match[3])]
        yield _Program(float(match[1]), match[2], tuple(words[1:]))


def _above(
    pid: int, processes: Mapping[int, Sequence[_Program]], parents: Mapping[int, int]
) -> Iterator[_Program]:
    while pid in parents:
        pid = parents[pid]
        yield from processes.get(pid, ())


def _calls(program: _Program, above: Sequence[_Program]) -> Iterator[Call]:
    """Read what a program was told to do, unless another one of these, or the answer to one, began it."""
    if program.name not in (*ASKING, *DIRECT) or "--user" in program.words:
        return
    if {"policy-rc.d", "service", *ASKING} & {each.name for each in above}:
        return
    words = [word for word in program.words if not word.startswith("-")]
    scripts = [" ".join((match[1], *each.words)) for each in above if (match := _SCRIPT.match(each.path))]
    if program.name in ("invoke-rc.d", "service"):
        words = words[1:2] + words[:1]
    if words and words[0] in ACTIONS:
        yield Call(program.name, words[0], tuple(words[1:]), scripts[0] if scripts else "")
