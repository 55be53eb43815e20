# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a policy of this host blocks an action on a unit: modules decide as the script does for packages."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .policy import DISRUPTIVE_ACTIONS, Policy, Requestor

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Collection, Iterable

_PLAIN_SUFFIX = re.compile(r"\.(service|sh)$")
_SUFFIX = re.compile(r"\.(socket|target|timer|path|mount|automount|swap|slice|scope|device)$")


def blocked_by(policies: Iterable[Policy], action: str, names: Collection[str]) -> tuple[Requestor, ...]:
    """Name the requestors that block an action on a unit, under any of the unit's names."""
    return tuple(policy.requestor for policy in policies if _blocks(policy, action, names))


def _blocks(policy: Policy, action: str, names: Collection[str]) -> bool:
    return any(
        action in actions and any(covers(listed, name) for name in names)
        for listed, actions in policy.blocked_actions.items()
    )


def covers(listed: str, unit: str) -> bool:
    """Tell whether a listed name means a unit: it is its name, its template, or a pattern that matches it."""
    pattern, name = _plain(listed), _plain(unit)
    template = name.split("@", 1)[0]
    if "@" in name and not _SUFFIX.search(name) and pattern in (template, f"{template}@"):
        return True
    return pattern == name or fnmatchcase(name, pattern.replace("[^", "[!"))


def _plain(name: str) -> str:
    return _PLAIN_SUFFIX.sub("", name).replace("\\", "")


def read_last_known(text: str) -> dict[str, Policy]:
    """Read what the script keeps of the policies that it understood, by the names of their files."""
    requestors: dict[str, Requestor] = {}
    blocked: dict[str, dict[str, tuple[str, ...]]] = {}
    for fields in (line.split("\t") for line in text.splitlines()):
        if len(fields) == 5:
            requestors[fields[0]] = Requestor(fields[3], fields[4])
        elif len(fields) == 3:
            actions = blocked.setdefault(fields[0], {})
            actions[fields[1]] = (*actions.get(fields[1], ()), *fields[2].split())
    return {file: Policy(requestor, blocked.get(file, {})) for file, requestor in requestors.items()}


def assume(path: Path, text: str, last_known: Policy | None, names: Iterable[str]) -> Policy:
    """Take a policy that cannot be read for what it blocked before, and for blocking whatever it names."""
    known = last_known or Policy(Requestor("unknown", path.name), {})
    if any(re.search(rf"(?<![\w@.-]){_base(name)}(?![\w-])", text, re.ASCII) for name in names):
        before = known.blocked_actions
        named = {name: (*before.get(name, ()), *DISRUPTIVE_ACTIONS) for name in names}
        return Policy(known.requestor, {**before, **named})
    return known


def _base(name: str) -> str:
    return re.escape(re.sub(r"\.service$", "", name).split("@", 1)[0])
