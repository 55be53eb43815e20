"""What is to be read last: below the recap, the excerpt of a playbook of ours and all else that Ansible frames it with.

First come the sentences of those who refused something, then the lines that say what each playbook did.

Tasks run in processes of their own, and only the one that started them is there when everything else has been said. It
opens a file before it forks; whoever refuses something leaves the sentence there.
"""

from __future__ import annotations

import atexit
import json
import os
import tempfile
from contextlib import suppress
from functools import cache
from typing import IO, TYPE_CHECKING

from ansible.utils.display import Display

from ._common.text import listed, plural, shortened
from ._terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHOWN = 3
LINES_SHOWN = 12
_files: list[IO[bytes]] = []
_endings: list[Callable[[], None]] = []
display = Display()


def promise(ending: Callable[[], None] | None = None) -> None:
    """Have all that is left from now on said at the end of this process; nothing of it where no file can be had.

    Below that each *ending* says how a playbook ended, in the order in which they were given.
    """
    _at_the_end()
    if ending:
        _endings.append(ending)
    if not _files:
        with suppress(OSError):
            _files.append(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - it is open to the end


@cache
def _at_the_end() -> None:
    atexit.register(_say)


def leave(text: str, host: str = "") -> None:
    """Leave a sentence for the end; with the *host* that it is about, where it does not name it."""
    for file in _files:
        with suppress(OSError):
            os.write(file.fileno(), json.dumps([text, host]).encode() + b"\n")


def warn(text: str) -> None:
    """Warn now, and once more at the end: what is said first of a long run is not on the screen any more then."""
    display.warning(text)
    leave(text)


def lines(left: Iterable[tuple[str, str]]) -> list[str]:
    """Put together what was left, each sentence once with its hosts."""
    hosts: dict[str, dict[str, None]] = {}
    for text, host in left:
        hosts.setdefault(text, {}).update({host: None} if host else {})
    said = [f"{listed(shortened(each))}: {text}" if each else text for text, each in hosts.items()]
    more = [f"and {plural(len(said) - SHOWN, 'more failure')}, above."] if len(said) > SHOWN else []
    return [line for each in (*said[:SHOWN], *more) for line in _cut(each.split("\n"))]


def _cut(text: list[str]) -> list[str]:
    """Keep a long list, of findings say, to its beginning: all of it stands above."""
    rest = len(text) - LINES_SHOWN
    return [*text[:LINES_SHOWN], f"and {plural(rest, 'more line')}, above."] if rest > 1 else text


def _say() -> None:
    for file in _files:
        file.seek(0)
        left = [(str(text), str(host)) for text, host in map(json.loads, file)]
        for line in lines(left):
            say(line, color="red")
    for ending in _endings:
        ending()
