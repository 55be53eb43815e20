"""What a run leaves for later: the command that repeats it, and a report for programs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VARIABLES = ("-e", "--extra-vars")
HIDDEN = "…"
# Commands end in logs that many can read.
SECRET = re.compile(r"(?i)(\S*(?:pass|secret|token|credential|key)\w*=)(\"[^\"]*\"|'[^']*'|\S+)")


def command_line(arguments: Sequence[str]) -> str:
    """Give the command of this run, as one would type it; variables that look like secrets are left out."""
    program, *rest = arguments
    return shlex.join([Path(program).name, *_without_secrets(rest)])


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    given = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if given:
            yield _hidden(argument)
        elif option == "--extra-vars" and equals:
            yield f"{option}={_hidden(value)}"
        elif argument.startswith("-e") and argument != "-e":
            yield f"-e{_hidden(argument[2:])}"
        else:
            yield argument
        given = argument in VARIABLES


def _hidden(variables: str) -> str:
    return HIDDEN if variables.lstrip().startswith(("{", "[")) else SECRET.sub(rf"\1{HIDDEN}", variables)
