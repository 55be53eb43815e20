"""What people are told to type, as a shell and Ansible read it."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.constants import DEFAULT_HOST_LIST
from ansible.parsing.splitter import parse_kv
from ansible.parsing.utils.yaml import from_yaml

from .names import NAMED, UnusableNameError, pattern

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

ONE_WORD = re.compile(r"[\w.,:/@%+-]+")  # which -e does not cut, and does not take for anything but text


def playbook(name: str, *options: str, also: Container[str] = ()) -> str:
    """Give the command that runs a playbook of ours beside this run: with its inventories, its vaults and its store.

    Those of ansible.cfg and the environment are found again. *also* are further variables that it needs as this run
    was given them on the command line.
    """
    given = (*_inventories(), *_vaults(), *_variables(also))
    return " ".join(("ansible-playbook", *given, f"orderly.services.{name}", *options))


def ad_hoc(hosts: Sequence[str], module: str, arguments: str) -> str:
    """Give the command that runs a module of ours on a few hosts, one after the other, as root."""
    try:
        where = shlex.quote(pattern(hosts)) if len(hosts) <= NAMED else "HOSTS"
    except UnusableNameError:
        where = "HOSTS"
    given = (*_inventories(), *_vaults())
    words = (
        "ansible",
        where,
        *given,
        "-b -f 1",
        f"-m orderly.services.{module}",
        f"-a {shlex.quote(arguments)}",
    )
    return " ".join(words)


def left_out(also: Container[str] = ()) -> list[str]:
    """Name the variables of the command line that :func:`playbook` does not repeat; they may be secrets."""
    given = (name for each in _given() if not each.startswith("@") for name in _read(each))
    return sorted({name for name in given if not _is_repeated(name, also)})


def _inventories() -> Iterator[str]:
    given = context.CLIARGS.get("inventory") or ()
    if list(given) == list(DEFAULT_HOST_LIST):
        return
    for each in given:
        near = each if "," in each else os.path.relpath(each)
        yield f"-i {shlex.quote(each if near.startswith('..') else near)}"


def _vaults() -> Iterator[str]:
    for option, name in (("--vault-id", "vault_ids"), ("--vault-password-file", "vault_password_files")):
        yield from (f"{option} {shlex.quote(each)}" for each in context.CLIARGS.get(name) or ())
    if context.CLIARGS.get("ask_vault_pass"):
        yield "--ask-vault-pass"


def _variables(also: Container[str]) -> Iterator[str]:
    """Give the variables of the command line without which another run may look elsewhere."""
    for each in _given():
        if each.startswith("@"):
            yield f"-e {shlex.quote(each)}"
            continue
        read = _read(each)
        repeated = {name: value for name, value in read.items() if _is_repeated(name, also)}
        if repeated == read:
            yield f"-e {shlex.quote(each)}"
        else:
            yield from (extra(name, value) for name, value in repeated.items())


def _given() -> Iterable[str]:
    return context.CLIARGS.get("extra_vars") or ()


def _read(given: str) -> Mapping[str, Any]:
    """Read what one ``-e`` sets, as Ansible does."""
    read = from_yaml(given) if given.startswith(("{", "[")) else parse_kv(given)
    return read if isinstance(read, Mapping) else {}


def _is_repeated(name: str, also: Container[str]) -> bool:
    return name.startswith("orderly_") or name in also


def extra(name: str, value: Any) -> str:
    """Give the option that sets a variable to a text, or to other plain data."""
    is_word = isinstance(value, str) and ONE_WORD.fullmatch(value)
    given = f"{name}={value}" if is_word else json.dumps({name: value}, ensure_ascii=False)
    return f"-e {shlex.quote(given)}"


def without(hosts: Iterable[str]) -> str:
    """Give the option that leaves hosts out; no more than its name where they cannot be named in a pattern."""
    try:
        return f"--limit {shlex.quote(pattern(hosts, '!'))}"
    except UnusableNameError:
        return "--limit"
