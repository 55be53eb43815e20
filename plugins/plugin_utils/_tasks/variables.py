"""What the tasks of a service say: in which part of an upgrade each runs, which variables it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import yaml
from ansible.parsing.splitter import parse_kv
from jinja2 import Environment, TemplateSyntaxError, nodes

from .._service.steps import FACTS, HANDLERS, KIND_OF_STEP, PARTS, ROLL_PARTS
from .files import (
    BLOCK_KEYS,
    IMPORT_TASKS,
    SET_FACT,
    Loader,
    TaskFile,
    children,
    forms,
    read_tasks,
    value_of,
)
from .roles import below, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .._service.service import Service
    from .split import Split

EXPRESSIONS = ("when", "until", "changed_when", "failed_when", "that", "var", "break_when")
AFTERWARDS = ("until", "changed_when", "failed_when", "break_when")  # they see what the task itself registers
INCLUDE_VARS = forms("include_vars")
_JINJA = Environment()  # noqa: S701 - it parses and never renders


@dataclass(frozen=True)
class TaskUse:
    """A task or a block, and the part of the upgrade that it runs in; steps 2 to 5 are one part."""

    part: str
    step: int | None
    file: TaskFile
    task: yaml.MappingNode
    conditional: bool = False

    @cached_property
    def reads(self) -> frozenset[str]:
        """Name the variables that its own keys ask for; those of tasks in a block are theirs."""
        return frozenset().union(*self._asked.values())

    @cached_property
    def reads_first(self) -> frozenset[str]:
        """Name those that it asks for before it writes any."""
        later = frozenset().union(*(self._asked.get(key, frozenset()) - self.registers for key in AFTERWARDS))
        return later.union(*(names for key, names in self._asked.items() if key not in AFTERWARDS))

    @cached_property
    def _asked(self) -> dict[str, frozenset[str]]:
        own = [(key.value, value) for key, value in self.task.value if key.value not in (*BLOCK_KEYS, "<<")]
        return {key: frozenset(_names(key, value)) for key, value in own}

    @cached_property
    def registers(self) -> frozenset[str]:
        """Name the variable that it registers, also where it is skipped."""
        register = value_of(self.task, "register")
        return frozenset({register.value} if isinstance(register, yaml.ScalarNode) else ())

    @cached_property
    def sets(self) -> frozenset[str]:
        """Name the variables that it sets as facts, or reads from files whose names are plain."""
        facts = _plain_keys(value_of(self.task, *SET_FACT)) - {"cacheable"}
        return facts | _included_names(self.file.path, value_of(self.task, *INCLUDE_VARS))

    @property
    def writes(self) -> frozenset[str]:
        """Name the variables that it registers or sets."""
        return self.registers | self.sets

    @property
    def surely_writes(self) -> frozenset[str]:
        """Name those that it writes whatever the conditions say."""
        return self.registers if self.conditional else self.writes

    @cached_property
    def gives(self) -> frozenset[str]:
        """Name the variables that it sets for itself or the tasks below: its vars, and the names of its loop."""
        loop = value_of(self.task, "loop_control")
        named = [
            value.value
            for key, value in (loop.value if isinstance(loop, yaml.MappingNode) else [])
            if key.value in ("loop_var", "index_var")
        ]
        given = value_of(self.task, "vars")
        own = [key.value for key, _value in given.value] if isinstance(given, yaml.MappingNode) else []
        return frozenset([*named, *own])


def names_in(text: str) -> frozenset[str]:
    """Name the variables that a template asks for; none where it is no template."""
    try:
        return frozenset(name.name for name in _JINJA.parse(text).find_all(nodes.Name) if name.ctx == "load")
    except TemplateSyntaxError:
        return frozenset()


def compares_with_first_of_group(condition: str) -> bool:
    """Tell whether a condition asks that the host is the first of a group: ``inventory_hostname == groups.web[0]``."""
    try:
        comparisons = [*_JINJA.parse("{{ " + condition + " }}").find_all(nodes.Compare)]
    except TemplateSyntaxError:
        return False
    return any(
        "inventory_hostname" in _names_below(each)
        and any(map(_is_first_of_group, each.find_all((nodes.Getitem, nodes.Filter))))
        for each in comparisons
        if [operand.op for operand in each.ops] == ["eq"]
    )


def _is_first_of_group(node: nodes.Node) -> bool:
    first = isinstance(node, nodes.Filter) and node.name == "first"
    number = isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and node.arg.value == 0
    return (first or number) and "groups" in _names_below(node)


def _names_below(node: nodes.Node) -> set[str]:
    return {each.name for each in node.find_all(nodes.Name)}


def _names(key: str, value: yaml.Node) -> Iterator[str]:
    if isinstance(value, yaml.ScalarNode):
        if "{{" in value.value or "{%" in value.value:
            yield from names_in(value.value)
        elif key in EXPRESSIONS:
            yield from names_in("{{ " + value.value + " }}")
    elif isinstance(value, yaml.SequenceNode):
        for item in value.value:
            yield from _names(key, item)
    else:
        for inner, below in value.value:
            yield from _names(inner.value, below)


def _plain_keys(arguments: yaml.Node | None) -> frozenset[str]:
    """Name the arguments of a task, given as a mapping or as a text such as ``a=1 b=2``."""
    if isinstance(arguments, yaml.MappingNode):
        return frozenset(key.value for key, _value in arguments.value)
    given = parse_kv(arguments.value) if isinstance(arguments, yaml.ScalarNode) else {}
    return frozenset(given) - {"_raw_params"}


def _included_names(task_file: Path, arguments: yaml.Node | None) -> frozenset[str]:
    """Name the variables that ``include_vars`` brings from files that can be found."""
    if arguments is None:
        return frozenset()
    given = words_of(arguments)
    if given.get("name"):
        return frozenset({given["name"]})
    wanted = given.get("file") or given.get("dir") or given.get("_raw_params", "")
    role = next((each for each in task_file.parents if each.name in ("tasks", "handlers")), task_file).parent
    places = (place / wanted for place in (role / "vars", role, role / "tasks", task_file.parent))
    found = next((place for place in places if wanted and place.exists()), None)
    if found is None:
        return frozenset()
    return frozenset(name for path in _yaml_files(found) for name in _keys(path))


def _yaml_files(path: Path) -> list[Path]:
    """Give the files of variables that a path stands for: itself, or all below it."""
    if path.is_file():
        return [path]
    return [each for each in sorted(path.rglob("*")) if each.suffix in (".yml", ".yaml", ".json")]


@dataclass(frozen=True)
class ServiceTasks:
    """A service, all that its tasks say, the hosts that have it, and the variables that they have anyway."""

    service: Service
    uses: tuple[TaskUse, ...]
    hosts: frozenset[str] = frozenset()
    inventory: frozenset[str] = frozenset()
    roles: tuple[Path, ...] = ()

    @cached_property
    def writes(self) -> dict[str, list[TaskUse]]:
        """Give, for each variable that the service writes, where it does."""
        found: dict[str, list[TaskUse]] = {}
        for word in self.uses:
            for name in word.writes:
                found.setdefault(name, []).append(word)
        return found

    @cached_property
    def given(self) -> frozenset[str]:
        """Name the variables that are there anyway: of the inventory, of roles, and those of its tasks."""
        mains = (
            role / folder / f"main{suffix}"
            for role in (self.service.path, *self.roles)
            for folder in ("defaults", "vars")
            for suffix in ("", ".yml", ".yaml", ".json")
        )
        own = (key for main in mains if main.exists() for path in _yaml_files(main) for key in _keys(path))
        return self.inventory.union(own, *(word.gives for word in self.uses))

    @cached_property
    def exposed(self) -> frozenset[str]:
        """Name the variables of which it may see what another service wrote on the same host.

        It does not where it writes one before it reads it, in the same step: no other service runs on the host between.
        Nor does one between facts.yml and what follows it, but in rolls, which look for all services first. What is set
        and read nowhere is for templates of files, in whichever step.
        """
        found = frozenset().union(*(word.surely_writes for word in self.uses if word.part == FACTS))
        written: dict[tuple[str, int | None], set[str]] = {}
        read: set[str] = set()
        seen: set[str] = set()
        for word in self.uses:
            known = () if word.part in (*ROLL_PARTS, HANDLERS) else found
            before = written.setdefault((word.part, word.step), set(known))
            read |= word.reads
            seen |= word.reads_first - before
            before |= word.surely_writes
        return frozenset(seen.union(*(word.sets for word in self.uses if not word.sets <= read)))


def _keys(path: Path) -> Iterable[str]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=Loader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return []  # Ansible will say so itself
    return [key.value for key, _value in root.value] if isinstance(root, yaml.MappingNode) else []


def read_service_tasks(
    service: Service, split: Split, hosts: Iterable[str] = (), roles: Iterable[Path] = ()
) -> ServiceTasks:
    """Collect what all tasks of a service say, in the order in which they run; *roles* come along with it."""
    folder = service.path / "tasks"
    uses = [
        word
        for placed in split.tasks
        for word in _with_included(
            folder,
            TaskUse(KIND_OF_STEP[placed.step], placed.step, placed.file, placed.task, placed.conditional),
        )
    ]
    others = [(part, service.tasks_file(part)) for part in PARTS]
    others.append((HANDLERS, service.role_file("handlers", "main")))
    for part, path in others:
        if path is not None:
            part_of = TaskUse(part, None, read_tasks(path), _NOTHING)
            uses += _words_of_file((path.parent, path.resolve()), part_of, set())
    return ServiceTasks(service, tuple(uses), frozenset(hosts), roles=tuple(roles))


_NOTHING = yaml.MappingNode("", [])


def _with_included(folder: Path, word: TaskUse) -> Iterator[TaskUse]:
    """Give a word, and those of the files that it includes; files that are imported were split by step too."""
    yield word
    if value_of(word.task, *IMPORT_TASKS) is None:
        for place in below(folder, word.file, word.task):
            yield from _words_of_file(place, word, set())


def _words_of_file(place: tuple[Path, Path], of: TaskUse, seen: set[Path]) -> Iterator[TaskUse]:
    """Give the words of a file and of those that it names, in the order in which they run."""
    folder, path = place
    if path in seen:
        return
    seen.add(path)
    file = read_tasks(path)
    for item in file.items:
        for task, conditional in _in_order(item, conditional=of.conditional):
            word = TaskUse(of.part, of.step, file, task, conditional)
            yield word
            for further in below(folder, file, task):
                yield from _words_of_file(further, word, seen)


def _in_order(task: yaml.MappingNode, *, conditional: bool) -> Iterator[tuple[yaml.MappingNode, bool]]:
    """Give a task or block and all below it, and whether each depends on a condition."""
    here = conditional or value_of(task, "when") is not None
    yield task, here
    for child in children(task):
        yield from _in_order(child, conditional=here)
