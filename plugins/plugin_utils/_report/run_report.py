"""What a run leaves for later: the command that repeats it, and a report for programs."""

from __future__ import annotations

import json
import re
import shlex
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.splitter import split_args

from .._inventory.parameters import OF_ALL, PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONG = "--extra-vars"
SHORT = re.compile(r"-[^-ilftucTMs]*?e")  # an -e, and options before it that take no value
HIDDEN = "…"
# Commands end in logs that many can read, and variables of others may be secrets.
SHOWN = frozenset(chain(OF_ALL, *PARAMETERS.values()))


def command_line(arguments: Sequence[str]) -> str:
    """Give the command of this run, as one would type it; of variables that are not ours only the names are told."""
    program, *rest = arguments
    return shlex.join([Path(program).name, *_without_secrets(rest)])


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    given = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        is_long = len(option) > 2 and LONG.startswith(option)  # argparse takes the beginning of an option
        short = SHORT.match(argument)
        if given:
            yield _hidden(argument)
            given = False
        elif is_long:
            yield f"{option}={_hidden(value)}" if equals else argument
            given = not equals
        elif short:
            yield short[0] + _hidden(argument[short.end() :])
            given = short[0] == argument
        else:
            yield argument


def _hidden(variables: str) -> str:
    """Read variables as Ansible does; of what it could not read nothing is told."""
    if not variables or variables.startswith("@"):
        return variables
    try:
        if variables.startswith(("{", "[")):
            data = yaml.safe_load(variables)
            shown = {key: value if key in SHOWN else HIDDEN for key, value in data.items()}
            return json.dumps(shown, ensure_ascii=False)
        return " ".join(map(_pair, split_args(variables)))
    except (AnsibleError, AttributeError, TypeError, ValueError, yaml.YAMLError):
        return HIDDEN


def _pair(text: str) -> str:
    name, equals, _value = text.partition("=")
    if not equals:
        return HIDDEN
    return text if name in SHOWN else f"{name}={HIDDEN}"
