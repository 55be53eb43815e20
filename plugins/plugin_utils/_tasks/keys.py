"""The keys of tasks, as strictly as Ansible reads them when it runs: one module each, no word that it does not know."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import ansible.modules
import ansible.plugins.action
import yaml
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from ansible.plugins.loader import action_loader, module_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig

from .aliases import MERGE
from .files import ACTIONS, BLOCK_KEYS, Loader, forms, label
from .roles import collection_of, meta_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .files import TaskFile
    from .findings import Finding

KEYWORDS = frozenset(Handler.fattributes) - {"action", "local_action", "hosts"}
IN_BLOCKS = frozenset(Block.fattributes)
IMPORT_PLAYBOOK = forms("import_playbook", "include")


def key_findings(file: TaskFile, role: Path) -> Iterator[Finding]:
    """Find tasks of a file of a role that Ansible would refuse for their keys."""
    for task in file.walk():
        for key, message in _wrong(task, role):
            yield file.finding(key, "keys", f"{label(task)} {message}")


def _wrong(task: yaml.MappingNode, role: Path) -> Iterator[tuple[yaml.Node, str]]:
    yield from _twice(task)
    keys = [key for key, _value in task.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE]
    if playbook := next((key for key in keys if key.value in ("hosts", *IMPORT_PLAYBOOK)), None):
        what = "is a play" if playbook.value == "hosts" else f"has {playbook.value}, which is for playbooks"
        yield (
            playbook,
            f"{what}; a file of tasks holds tasks. Use import_tasks or include_tasks for a file of them.",
        )
    elif any(key.value == "block" for key in keys):
        for key in keys:
            if key.value not in IN_BLOCKS:
                yield key, f"has the key {key.value}, which no block has{_meant(key.value, IN_BLOCKS)}"
    else:
        yield from _wrong_modules(task, keys, role)


def _wrong_modules(
    task: yaml.MappingNode, keys: list[yaml.ScalarNode], role: Path
) -> Iterator[tuple[yaml.Node, str]]:
    unknown = [key for key in keys if key.value not in KEYWORDS and not key.value.startswith("with_")]
    modules = [key for key in unknown if key.value in ACTIONS or is_module(key.value, role)]
    yield from (
        (key, f"has the key {key.value}, which is {_not_found(key.value)}")
        for key in unknown
        if key not in modules
    )
    if len(modules) > 1:
        names = " and ".join(key.value for key in modules)
        yield modules[1], f"has {len(modules)} modules, {names}; a task has one. Make a task of each."
    elif not unknown:
        yield task, "has no module; name one, or remove the task."


def _not_found(name: str) -> str:
    if name.count(".") > 1:
        collection = ".".join(name.split(".")[:2])
        return (
            f"no module that Ansible finds: {collection} is not installed here, or has none of that name. Install it "
            f"(ansible-galaxy collection install {collection}), or correct the name."
        )
    return f"neither a keyword of tasks nor a module{_meant(name, KEYWORDS)}"


def _meant(name: str, known: frozenset[str]) -> str:
    close = get_close_matches(name, sorted(known), 1)
    return f"; is {close[0]} meant?" if close else "; correct or remove it."


def _twice(node: yaml.Node) -> Iterator[tuple[yaml.Node, str]]:
    """Find keys that stand twice in one mapping, at any depth; those of the tasks of a block are theirs."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen and key.tag != MERGE and isinstance(key, yaml.ScalarNode):
                yield key, f"has the key {key.value} twice; keep one of them."
            seen.add(str(key.value))
            if key.value not in BLOCK_KEYS:
                yield from _twice(value)


# --- Modules ---


def is_module(name: str, role: Path) -> bool:
    """Tell whether Ansible finds a module, or an action, of that name for the tasks of a role."""
    short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    return short in _of_core() or _is_installed(name, _collections_of(role)) or _is_beside(name, role)


@cache
def _of_core() -> frozenset[str]:
    """Name the modules and actions that come with ansible-core; asking for each as Ansible does takes long."""
    packages = (*ansible.modules.__path__, *ansible.plugins.action.__path__)
    return frozenset(found.name for found in iter_modules(packages) if not found.name.startswith("_"))


@cache
def _is_installed(name: str, collections: tuple[str, ...]) -> bool:
    """Tell whether it comes with a collection, where there are any."""
    if AnsibleCollectionConfig.collection_finder is None:
        return name.count(".") > 1  # nobody can tell
    names = [name, *(f"{collection}.{name}" for collection in collections if "." not in name)]
    return any(
        loader.find_plugin_with_context(each, mod_type=suffix, ignore_deprecated=True).resolved
        for each in names
        for loader, suffix in ((action_loader, ".py"), (module_loader, ""))
    )


@cache
def _is_beside(name: str, role: Path) -> bool:
    """Tell whether a role brings it, or one beside it, or it is beside the folder of roles."""
    pattern = f"{name.rpartition('.')[2]}.*"
    return any(
        any(place.glob(f"{folder}/{pattern}"))
        for folder in ("library", "action_plugins")
        for place in (role, role.parents[1], *role.parent.glob("*"))
    )


@cache
def _collections_of(role: Path) -> tuple[str, ...]:
    """Name the collections whose modules a role may use by short names."""
    file = meta_file(role, "main")
    try:
        root = yaml.load(file.read_text(encoding="utf-8"), Loader=Loader) if file.is_file() else None  # noqa: S506 - it is a safe one
    except yaml.YAMLError:
        root = None
    named = root.get("collections") if isinstance(root, dict) else None
    return tuple(filter(None, (collection_of(role), *map(str, named or ()))))
