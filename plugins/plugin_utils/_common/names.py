"""Names of hosts and groups, by whoever names machines: each is written so that it means itself, or is refused."""

from __future__ import annotations

import json
import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from .errors import ControllerError
from .text import listed, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

LONGEST = 255
SIGNS = "{*?[,"  # of templates and of patterns
FIRST = "!&~@"  # have a meaning where a pattern, or what --limit is given, begins
PLAIN = re.compile(
    r"(?!(?i:y|n|yes|no|on|off|true|false|null)$)[^\W\d_][\w.-]*"
)  # text without quotes in YAML
NAMED = 5
OURS = ("orderly_roll", "orderly_again")  # groups that rolls make


class UnusableNameError(ControllerError):
    """A name cannot be written so that Ansible takes it for a name: which, why, what to do."""


def check_hosts(hosts: Iterable[str], groups: Mapping[str, Collection[str]]) -> None:
    """Raise where a host of a plan cannot be named in it so that nothing else is meant; *groups* are all there are."""
    odd = [
        f'"{printable(host)}" {why}'
        for host in hosts
        if (why := _why_not(host) or _means_group(host, groups))
    ]
    if odd:
        whom = "a host" if len(odd) == 1 else "hosts"
        raise UnusableNameError(
            f"Nothing was written: the inventory has {whom} that cannot be planned with: {listed(odd, NAMED, '; ')}. "
            "Ansible could take such a name for a template or for a pattern that means other hosts. "
            f"Rename {'it' if len(odd) == 1 else 'them'} in the inventory; ansible_host may say the address."
        )


def check_not_ours(hosts: Iterable[str]) -> None:
    """Raise where a host is named like a group that rolls make: the play over that group would mean the host alone."""
    for name in hosts:
        if name in OURS:
            raise UnusableNameError(
                f'Nothing was touched: the host "{name}" is named like a group that rolls make. Rename it in the '
                "inventory; ansible_host may say the address."
            )


def check_groups(groups: Iterable[str], members: Mapping[str, Collection[str]]) -> None:
    """Raise where the name of a group that is given as a pattern would mean a host: Ansible looks for hosts first.

    See ``InventoryManager._evaluate_patterns`` of ansible-core.
    """
    for group in groups:
        if group in members.get("all", ()) and set(members[group]) != {group}:
            raise UnusableNameError(
                f'The group "{group}" has the name of a host, and Ansible would take it for that host alone. Rename '
                "one of them in the inventory."
            )


def _why_not(name: str) -> str:
    """Say what keeps a name from being taken literally in a pattern; empty where nothing does."""
    if not name or name != name.strip():
        return "begins or ends with a space" if name else "is empty"
    if len(name) > LONGEST:
        return f"has more than {LONGEST} characters"
    if not name.isprintable():
        return "has characters that cannot be printed"
    if sign := next((sign for sign in SIGNS if sign in name), ""):
        return f'has "{sign}" in it'
    if name[0] in FIRST:
        return f'begins with "{name[0]}"'
    return 'has ":" in it and is no IPv6 address' if ":" in name and not _is_address(name) else ""


def _means_group(host: str, groups: Mapping[str, Collection[str]]) -> str:
    is_other = host in groups and set(groups[host]) != {host}
    return "is also the name of a group with other hosts" if is_other else ""


def _is_address(name: str) -> bool:
    try:
        IPv6Address(name)
    except ValueError:
        return False
    return True


def pattern(hosts: Iterable[str], sign: str = "") -> str:
    """Give the pattern that means these hosts, or with the sign ``!`` all others; raises :class:`UnusableNameError`."""
    hosts = tuple(hosts)
    for host in hosts:
        if why := _why_not(host):
            raise UnusableNameError(
                f'The host "{printable(host)}" cannot be named in a pattern, as its name {why}.'
            )
    text = ",".join(sign + host for host in hosts)
    # Without a comma Ansible would also part patterns at spaces, and at colons that it takes for no address.
    return text if "," in text or re.fullmatch(r"!?[\w.-]*", text) else f"{text},"


def in_brackets(names: Iterable[str]) -> str:
    """Give names as the list that an option of a task takes, as in ``[web1, "a, b"]``."""
    return f"[{', '.join(name if PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in names)}]"
