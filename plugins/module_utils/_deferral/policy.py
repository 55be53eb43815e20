# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: which actions packages may not do to which units of a host, and who says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence, Tuple

from .._host import yaml
from .._host.errors import HostError

if TYPE_CHECKING:
    from typing import Iterable

DISRUPTIVE_ACTIONS = ("stop", "restart", "try-restart")
_HEADER = (
    "# Written by the Ansible module orderly.services.restart_policy; a change made here will be lost.\n"
)
_NEEDRESTART_HEADER = """\
# Written by the Ansible module orderly.services.restart_policy from /etc/policy-rc.d; a change made here will be lost.
# needrestart leaves these units alone and says so; restart them with the playbook rolling_restart.
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_UNIT = re.compile(r"[\w:.@\\*?\[\]!-]+", re.ASCII)
_ACTION = re.compile(r"[a-z][a-z-]*")

BlockedActions = Dict[str, Tuple[str, ...]]


@dataclass(frozen=True)
class Requestor:
    """Who asks that units are not restarted: a kind of tool, and a name."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def file_name(self) -> str:
        """Name the file of this requestor's policy."""
        return f"{self.type}-{self.name}.policy"


@dataclass(frozen=True)
class Policy:
    """What one requestor does not want packages to do."""

    requestor: Requestor
    blocked_actions: Mapping[str, tuple[str, ...]]

    def render(self) -> str:
        """Write the policy in the format that all tools of this kind share."""
        return _HEADER + yaml.dump(
            {
                "blocked_actions": self.blocked_actions,
                "policy_requestor_name": self.requestor.name,
                "policy_requestor_type": self.requestor.type,
            }
        )


def make_requestor(kind: str, name: str) -> Requestor:
    """Check the two names, which become part of a file's name."""
    for what, text in (("type", kind), ("name", name)):
        if not _NAME.fullmatch(text):
            raise HostError(
                f'"{text}" cannot be the {what} of a policy; expected letters, digits and any of _ . + - in between.',
                **{what: text},
            )
    return Requestor(kind, name)


def make_policy(requestor: Requestor, blocked_actions: Mapping[str, Iterable[str]]) -> Policy:
    """Check units and actions, and put them into the order in which they are written."""
    for unit, actions in blocked_actions.items():
        wrong = [action for action in actions if not _ACTION.fullmatch(action)]
        if wrong:
            raise HostError(
                f'"{wrong[0]}" is not an action of {unit}; expected something like restart or stop.',
                unit=unit,
            )
        if not _UNIT.fullmatch(unit):
            raise HostError(f'"{unit}" is not a unit name; expected something like nginx.service.', unit=unit)
    if not blocked_actions:
        raise HostError(
            f"The policy of {requestor} would block nothing: name services, units or blocked_actions, "
            "or remove the policy with state=absent."
        )
    ordered = {unit: tuple(sorted(set(blocked_actions[unit]))) for unit in sorted(blocked_actions)}
    return Policy(requestor, ordered)


def block(units: Sequence[str], actions: Sequence[str], also: Mapping[str, Any]) -> BlockedActions:
    """Block the same actions on some units, and on others what is said for each."""
    for unit, each in also.items():
        if not isinstance(each, (list, tuple)) or not all(isinstance(action, str) for action in each):
            raise HostError(
                f"The blocked_actions of {unit} are {each!r}; expected a list like [stop, restart].",
                unit=unit,
            )
    return {**{unit: tuple(actions) for unit in units}, **{unit: tuple(each) for unit, each in also.items()}}


def needrestart_settings(policies: Iterable[Policy]) -> str:
    """Say to needrestart which units it must not restart; nothing where there are none."""
    blocking = {
        unit
        for policy in policies
        for unit, actions in policy.blocked_actions.items()
        if set(actions) & set(DISRUPTIVE_ACTIONS) and _UNIT.fullmatch(unit)
    }
    expressions = filter(_is_regex, map(_as_regex, sorted(blocking)))
    lines = [f"$nrconf{{override_rc}}{{qr(^{expression})}} = 0;\n" for expression in expressions]
    return _NEEDRESTART_HEADER + "".join(lines) if lines else ""


def _as_regex(unit: str) -> str:
    """Write the name of a unit, or a pattern, as a Perl expression that matches whole names of units."""
    other = re.search(r"\.(socket|target|timer|path|mount)$", unit)
    name = re.sub(r"\.(service|sh)$", "", unit)
    instances = ".*" if name.endswith("@") else "" if other or "@" in name else "(@.*)?"
    parts = re.findall(r"\[[^\]]+\]|.", name)
    known = {"*": ".*", "?": "."}
    regex = "".join(known.get(part) or _class_or_literal(part) for part in parts)
    return regex + ("" if other else rf"{instances}\.service") + "$"


def _is_regex(expression: str) -> bool:
    """Leave out [z-a], which matches nothing and would keep needrestart from reading its configuration."""
    try:
        re.compile(expression)
    except re.error:
        return False
    return True


def _class_or_literal(part: str) -> str:
    if part.startswith("[") and len(part) > 1:
        inside = "".join(
            re.escape(character) if character not in "-!" else character for character in part[1:-1]
        )
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(part)


def parse_policy(text: str) -> Policy:
    """Read a policy, ours or another tool's; raises :class:`yaml.YamlError` where it is not one."""
    data = yaml.parse(text)
    blocked = data.get("blocked_actions") if isinstance(data, dict) else None
    if not isinstance(blocked, dict):
        raise yaml.YamlError("expected a mapping with blocked_actions, a mapping of units")
    kind, name = (_one_line(data.get(f"policy_requestor_{part}")) for part in ("type", "name"))
    return Policy(
        Requestor(kind, name),
        {unit: _actions(unit, actions) for unit, actions in blocked.items()},
    )


def _one_line(value: Any) -> str:
    return re.sub(r"[\t\n]", " ", value) if value and isinstance(value, str) else "unknown"


def _actions(unit: str, actions: Any) -> tuple[str, ...]:
    if actions is None:
        return DISRUPTIVE_ACTIONS
    if isinstance(actions, str):
        return tuple(re.split(r"[\s,]+", actions))
    if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
        raise yaml.YamlError(f"the actions of {unit} are not names")
    return tuple(actions)
