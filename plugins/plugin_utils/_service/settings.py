"""The settings of ``meta/service.yml``: what each accepts, and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import yaml

from .budget import SHARE, WHOLE, read_size
from .deb_version import CONSTRAINT, Constraint
from .service import CatalogueError, Condition, Dependency, Service
from .steps import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


# --- Settings ---


@dataclass(frozen=True)
class Setting:
    """One key of ``meta/service.yml``: how it is checked, the words for what was expected, and its JSON Schema."""

    accept: Callable[[Any], Any]
    expected: str
    schema: dict[str, Any]


Reader = tuple[Callable[[Any], Any], dict[str, Any]]
"""What accepts a value, or raises :class:`ValueError`, and the schema that says the same."""


def _text(pattern: str) -> Reader:
    def accept(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError
        return value

    return accept, {"type": "string", "pattern": f"^(?:{pattern})$"}


def _list_of(reader: Reader) -> Reader:
    accept_item, item = reader

    def accept(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(map(accept_item, value))

    return accept, {"type": "array", "items": item}


def _one_of(*words: str) -> Reader:
    def accept(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return accept, {"enum": list(words)}


def _count(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]+", value):
        return int(value)  # extra vars given as key=value are strings
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _dependency(value: Any) -> Dependency:
    """Read the name of a service, or a mapping of a service and what narrows it: a step, a condition, or both."""
    accept_name, _schema = _text(NAME)
    if not isinstance(value, dict):
        return Dependency(accept_name(value))
    if not {"service"} < set(value) <= {"service", "step", "when"}:
        raise ValueError
    step = _step(value["step"]) if "step" in value else None
    return Dependency(
        accept_name(value["service"]), step, _condition(value["when"]) if "when" in value else None
    )


def _step(value: Any) -> int:
    """Read one of the steps that may interrupt or come later."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in DEPENDABLE_STEPS:
        raise ValueError
    return value


def _condition(value: Any) -> Condition:
    if not isinstance(value, dict) or not {"package"} < set(value) <= {"package", "installed", "candidate"}:
        raise ValueError
    accept_package, _schema = _text(PACKAGE)
    accept_text, _schema = _text(CONSTRAINT)
    constraints = {
        key: Constraint.parse(accept_text(value[key])) for key in ("installed", "candidate") if key in value
    }
    return Condition(accept_package(value["package"]), **constraints)


NAME = (
    r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"  # it becomes a part of file names, and stands in expressions of a plan
)
UNIT = r"[A-Za-z0-9_:.@\\-]+\.[a-z]+"
PACKAGE = r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?"
DEPENDABLE_STEPS = (2, 3, 4, 5, 6)  # steps 0 and 1 of every service are done before any service changes
BUDGET = (
    read_size,
    {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^(?:{WHOLE}|{SHARE})$"}]},
)
CONDITION = {
    "type": "object",
    "properties": {
        "package": _text(PACKAGE)[1],
        "installed": _text(CONSTRAINT)[1],
        "candidate": _text(CONSTRAINT)[1],
    },
    "required": ["package"],
    "minProperties": 2,
    "additionalProperties": False,
}
DEPENDENCY = (
    _dependency,
    {
        "oneOf": [
            _text(NAME)[1],
            {
                "type": "object",
                "properties": {
                    "service": _text(NAME)[1],
                    "step": {"enum": list(DEPENDABLE_STEPS)},
                    "when": CONDITION,
                },
                "required": ["service"],
                "minProperties": 2,
                "additionalProperties": False,
            },
        ]
    },
)
SERVICES = (
    "a list of service names; {service: NAME, step: 2 to 6} waits only until that step of it is done, "
    "{service: NAME, when: {package: NAME, installed: '<< VERSION', candidate: '>= VERSION'}} only where one or both "
    "are so (<<, <=, =, >= or >>)"
)


def _setting(reader: Reader, expected: str) -> Setting:
    accept, schema = reader
    return Setting(accept, expected, schema)


SETTINGS: dict[str, Setting] = {
    "service": _setting(
        _text(NAME),
        "a name of at most 100 letters, digits, '_', '-' and '.'",
    ),
    "group": _setting(_text(NAME), "the name of an inventory group"),
    "units": _setting(
        _list_of(_text(UNIT)), "a list of systemd units with their suffix, as in [haproxy.service]"
    ),
    "packages": _setting(
        _list_of(_text(PACKAGE)), "a list of the packages it consists of, as in [nginx, nginx-common]"
    ),
    "bundle": _setting(_text(NAME), "a name that services which change together on a host share, as in nova"),
    "stage": _setting(_text(NAME), "a name that services of one stage share, as in controlplane"),
    "after": _setting(_list_of(DEPENDENCY), SERVICES),
    "requires": _setting(_list_of(DEPENDENCY), SERVICES),
    "max_unavailable": _setting(BUDGET, "a number (1 or more), or a percentage from 1% to 100%"),
    "failure_budget": _setting(
        (
            _count,
            {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^(?:[0-9]+)$"}]},
        ),
        "a number of hosts that a roll may lose before it stops, 0 for none",
    ),
    "full_stop": _setting((_flag, {"type": "boolean"}), "true or false"),
    "keeps_majority": _setting((_flag, {"type": "boolean"}), "true or false"),
    "deferred_actions": _setting(
        _list_of(_text("[a-z-]+")), "a list of actions, as in [stop, restart, try-restart]"
    ),
    "deferral": _setting(_one_of("block", "hold"), "block or hold"),
    "dialect": _setting(
        _one_of(*DIALECTS),
        "orderly, or one of TripleO's: tags (a task without a step never runs) or when (it runs at every step)",
    ),
}
FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
OVERRIDABLE = tuple(key for key in SETTINGS if key not in ("service", "dialect"))


def schema() -> dict[str, Any]:
    """Make the JSON Schema of ``meta/service.yml``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "meta/service.yml of a service role, as orderly.services reads it",
        "type": ["object", "null"],
        "properties": {
            key: {"description": setting.expected, **setting.schema} for key, setting in SETTINGS.items()
        },
        "additionalProperties": False,
    }


# --- Reading ---


def parse_service(text: str, path: Path, role: str, role_path: Path) -> Service:
    """Read the text of a ``meta/service.yml``; *path* is named in errors, with the line and the key."""
    try:
        lines = _lines(text, path)
        data = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise CatalogueError(f"{where}: not YAML: {getattr(exc, 'problem', None) or exc}.") from exc
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise CatalogueError(f"{path}:1: expected a mapping of settings ({', '.join(SETTINGS)}).")
    settings = {key: checked(key, value, f"{path}:{lines.get(str(key), 1)}") for key, value in data.items()}
    name = settings.pop("service", None) or checked("service", role_path.name, f"{path}:1")
    return Service(**{"name": name, "role": role, "path": role_path, "group": name, **settings})


def _lines(text: str, path: Path) -> dict[str, int]:
    """Tell on which line each key stands; a key that stands there twice is refused, YAML would take the last."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    lines: dict[str, int] = {}
    for key, _value in node.value if isinstance(node, yaml.MappingNode) else []:
        line = key.start_mark.line + 1
        if lines.setdefault(str(key.value), line) != line:
            raise CatalogueError(f"{path}:{line}: the key {key.value} appears twice; keep one of them.")
    return lines


def line_of(service: Service, key: str) -> int:
    """Tell on which line a service says something; 1 where it does not, has no file, or is made of data."""
    if service.is_data:
        return 1
    try:
        return _lines(service.file.read_text(encoding="utf-8"), service.file).get(key, 1)
    except OSError:
        return 1


def place_of(service: Service, key: str) -> str:
    """Tell where a service says something: the file and the line, or what it is called in the inventory."""
    return service.source if service.is_data else f"{service.file}:{line_of(service, key)}"


def spelled_out(key: str, value: Any) -> Any:
    """Give a setting as YAML has it where an inventory in INI, or ``-e NAME=VALUE``, gives a text.

    Flags may be written in any way that Ansible understands, lists as words with commas or spaces between them.
    """
    schema = SETTINGS[key].schema.get("type")
    if not isinstance(value, str):
        return value
    if schema == "boolean":
        return FLAGS.get(value.lower(), value)
    return value.replace(",", " ").split() if schema == "array" else value


def unknown_key(key: Any, known: Iterable[str], where: str) -> CatalogueError:
    """Give what to raise for a key that there is not: with the one that was probably meant, else with all."""
    known = list(known)
    near = get_close_matches(str(key), known, 1)
    meant = f". Did you mean {near[0]}?" if near else f"; expected one of {', '.join(known)}."
    return CatalogueError(f"{where}: unknown key {key!r}{meant}")


def checked(key: Any, value: Any, where: str) -> Any:
    """Read the value of a key; raises with *where* it stands and what was expected."""
    setting = SETTINGS.get(key)
    if setting is None:
        raise unknown_key(key, SETTINGS, where)
    try:
        return setting.accept(value)
    except ValueError:
        raise CatalogueError(f"{where}: {key} is {value!r}; expected {setting.expected}.") from None
