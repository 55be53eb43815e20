"""What people are told to type, as a shell and Ansible read it."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from .names import UnusableNameError, pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

ONE_WORD = re.compile(r"[\w.,:/@%+-]+")  # which -e does not cut, and does not take for anything but text


def extra(name: str, value: str) -> str:
    """Give the option that sets a variable to a text."""
    given = f"{name}={value}" if ONE_WORD.fullmatch(value) else json.dumps({name: value}, ensure_ascii=False)
    return f"-e {shlex.quote(given)}"


def without(hosts: Iterable[str]) -> str:
    """Give the option that leaves hosts out; no more than its name where they cannot be named in a pattern."""
    try:
        return f"--limit {shlex.quote(pattern(hosts, '!'))}"
    except UnusableNameError:
        return "--limit"
