"""Plain data as YAML that people read, written many times faster than by PyYAML: plans of large fleets are long.

Ansible templates what it reads of a playbook. Here that is said of a text, or it is not so: the names of hosts and
services are texts of others.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

PLAIN = re.compile(r"[A-Za-z](?:[\w ./|,·-]*\w)?")
NOT_STRINGS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
TEMPLATED = re.compile(r"\{[{%#]")


class Template(str):
    """A text of ours that Ansible is to template."""

    __slots__ = ()


def yaml_text(data: Any, margin: str = "") -> str:
    """Give the text of some data, its lists and mappings in block style; keys and strings may be any text."""
    if isinstance(data, dict) and data:
        return "".join(f"{margin}{_plain(key)}:{_value(value, margin)}" for key, value in data.items())
    if isinstance(data, list | tuple) and data:
        return "".join(
            f"{margin}- {yaml_text(item, f'{margin}  ').removeprefix(f'{margin}  ')}" for item in data
        )
    return f"{_scalar(data)}\n"


def json_text(data: Any) -> str:
    """Give the same data as JSON, which Ansible reads in a fifth of the time, and people do not."""
    return json.dumps(_marked(data), ensure_ascii=False, separators=(",", ":"))


def _marked(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _marked(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_marked(item) for item in data]
    return {"__ansible_unsafe": data} if _is_data(data) else data


def _value(value: Any, margin: str) -> str:
    """Give what stands behind the colon of a key."""
    if not value or not isinstance(value, dict | list | tuple):
        return f" {_scalar(value)}\n"
    return "\n" + yaml_text(value, f"{margin}  " if isinstance(value, dict) else margin)


def _scalar(value: Any) -> str:
    """Write a value so that Ansible templates it only if it is a template."""
    return f"!unsafe {_plain(value)}" if _is_data(value) else _plain(value)


def _is_data(value: Any) -> bool:
    """Tell whether a value looks like a template and is none."""
    return isinstance(value, str) and not isinstance(value, Template) and bool(TEMPLATED.search(value))


def _plain(value: Any) -> str:
    """JSON is YAML; only strings that cannot be taken for anything else go without quotes."""
    return _plain_text(value) if isinstance(value, str) else json.dumps(value)


@lru_cache(maxsize=65536)  # the same names stand in every play of a plan
def _plain_text(value: str) -> str:
    if PLAIN.fullmatch(value) and value.lower() not in NOT_STRINGS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)
