"""A proposal as an inventory file: YAML that can be used as it stands, with what people have to know as comments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .._common.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .proposal import Proposal, Proposed

PLAIN = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][\w@.+\\-]*", re.IGNORECASE | re.ASCII
)
"""What YAML takes for text without quotes, also in a list between brackets."""
HEAD = (
    "Services and groups that orderly.services.discover proposes, an inventory file that can be used as it stands.",
    "Read what it says, and change what you know better; it is only what was seen.",
)


def as_yaml(proposal: Proposal, asked: int, remarks: Sequence[str] = ()) -> str:
    """Write a proposal; *asked* hosts answered, *remarks* say what it does not know."""
    lines = ["---", *map(_comment, (*HEAD, *remarks, *proposal.notes)), "all:"]
    if proposal.services:
        lines += ["  vars:", "    orderly_services:"]
        for service in proposal.services:
            lines += _service(service, asked)
    lines.append("  children:")
    for group, hosts in proposal.groups.items():
        lines += [f"    {_text(group)}:", "      hosts:", *(f"        {_text(host)}:" for host in hosts)]
    if not proposal.groups:
        lines[-1] += " {}"
    return "\n".join(lines) + "\n"


def _comment(sentence: str) -> str:
    return f"# {on_one_line(sentence)}"


def _service(service: Proposed, asked: int) -> Iterator[str]:
    yield f"      {_text(service.name)}: # runs on {len(service.hosts)} of {asked} hosts"
    for key, value in service.settings.items():
        yield f"        {key}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return _mapping(value)
    return value if isinstance(value, str) and re.fullmatch("[0-9]+%", value) else _text(value)


def _mapping(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_text(value)}" for key, value in values.items()) + "}"


def _text(value: Any) -> str:
    """JSON is YAML; only strings that cannot be taken for anything else go without quotes."""
    return value if isinstance(value, str) and PLAIN.fullmatch(value) else json.dumps(value)
