"""What people are told to type, as a shell and Ansible read it."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING

from ansible import context
from ansible.constants import DEFAULT_HOST_LIST

from .names import UnusableNameError, pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ONE_WORD = re.compile(r"[\w.,:/@%+-]+")  # which -e does not cut, and does not take for anything but text


def playbook(name: str, *options: str) -> str:
    """Give the command that runs a playbook of ours beside this run: with its inventories, and its store.

    Those of ansible.cfg and the environment are found again.
    """
    return " ".join(("ansible-playbook", *_inventories(), *_for_all(), f"orderly.services.{name}", *options))


def _inventories() -> Iterator[str]:
    given = context.CLIARGS.get("inventory") or ()
    if list(given) == list(DEFAULT_HOST_LIST):
        return
    for each in given:
        near = each if "," in each else os.path.relpath(each)
        yield f"-i {shlex.quote(each if near.startswith('..') else near)}"


def _for_all() -> Iterator[str]:
    """Give the variables of the command line without which another run may look elsewhere."""
    for each in context.CLIARGS.get("extra_vars") or ():
        if each.startswith(("@", "orderly_")):
            yield f"-e {shlex.quote(each)}"


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
