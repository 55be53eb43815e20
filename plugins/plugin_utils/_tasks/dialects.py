"""At which steps a task runs: by one tag, as here, or as one of TripleO's two dialects has it.

TripleO runs its tasks for the steps 0 to 5, in Ocata and Pike with ``--tags common,stepN`` (a task without such a tag
never runs), from Queens on in a loop over the variable ``step`` (a task whose condition does not ask for it runs at
every step). Both are lowered while files are read: a plan holds, for each step, the tasks that run there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import yaml
from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from .._service.steps import KNOWN_STEPS, ORDERLY, STEP, STEPS, TAGS, WHEN
from .files import IMPORT_ROLE, INCLUDE_ROLE, INCLUDE_TASKS, strings, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
TRIPLEO_STEPS = (0, 1, 2, 3, 4, 5)
EVERY_STEP_TAGS = {"common", "always"}
_JINJA = Environment()  # noqa: S701 - it parses, and computes constants


class DialectError(Exception):
    """It cannot be determined at which steps a task runs, or it would be wrong; ``rule`` is the rule that it breaks."""

    def __init__(self, rule: str, words: str) -> None:
        self.rule = rule
        super().__init__(words)


@dataclass(frozen=True)
class Gating:
    """What decides when a task runs: its effective tags and conditions, as Ansible inherits them."""

    tags: frozenset[str] = frozenset()
    conditions: tuple[str, ...] = ()

    def within(self, task: yaml.MappingNode) -> Gating:
        """Give the gating of a task or block that stands inside this one."""
        when = value_of(task, "when")
        given = when.value if isinstance(when, yaml.SequenceNode) else [when] if when is not None else []
        conditions = tuple(str(node.value) for node in given)
        return Gating(self.tags | set(strings(value_of(task, "tags"))), (*self.conditions, *conditions))


def by_one_tag(gating: Gating) -> frozenset[int]:
    """Give the one step that a task is tagged with."""
    named = sorted(tag for tag in gating.tags if re.fullmatch(r"step\d+", tag))
    unknown = [tag for tag in named if int(tag[4:]) not in STEPS]
    if unknown:
        raise DialectError(
            "unknown-step", f"has the tag {unknown[0]}, which does not exist; the steps are {KNOWN_STEPS}."
        )
    if len(named) != 1:
        has = f"the tags {' and '.join(named)}" if named else "no step tag"
        would = "more than once" if named else "never"
        raise DialectError(
            "one-step", f"has {has} and would run {would}; give it exactly one of {KNOWN_STEPS}."
        )
    return frozenset({int(named[0][4:])})


def by_tags(gating: Gating) -> frozenset[int]:
    """Give the steps at which ``--tags common,stepN`` runs a task."""
    if template := next((tag for tag in gating.tags if "{{" in tag), None):
        raise DialectError(
            "dialect",
            f"has the tag {template}, and which that is cannot be determined before it runs; write it out.",
        )
    named = {int(tag[4:]) for tag in gating.tags if re.fullmatch(r"step\d+", tag)}
    if beyond := sorted(named.difference(TRIPLEO_STEPS)):
        raise DialectError("dialect", f"has the tag step{beyond[0]}, which TripleO never runs; {_REMEDY}.")
    return frozenset(TRIPLEO_STEPS if gating.tags & EVERY_STEP_TAGS else named)


def by_condition(gating: Gating) -> frozenset[int]:
    """Give the steps at which the conditions of a task may hold; at every step, where none asks for the step."""
    allowed = {text: _steps_of(text) for text in gating.conditions}
    steps = frozenset(TRIPLEO_STEPS).intersection(*allowed.values())
    asking = [text for text in allowed if _asks_for_step(text)]
    if not steps and asking:
        raise DialectError(
            "dialect",
            f"runs when {' and '.join(asking)}, which is true at no step that TripleO runs; {_REMEDY}.",
        )
    return steps


def check_tags_below(task: yaml.MappingNode, steps: frozenset[int]) -> None:
    """Refuse files and roles whose own tags would say what of them runs with ``--tags common,stepN``."""
    if steps and value_of(task, *INCLUDE_TASKS, *INCLUDE_ROLE) is not None:
        raise DialectError(
            "dialect",
            "does not pass its tag on to what it includes, so which of that runs cannot be determined beforehand; "
            "import it instead (import_tasks, import_role), which passes the tag on.",
        )
    if not steps and value_of(task, *IMPORT_ROLE) is not None:
        raise DialectError(
            "dialect",
            "imports a role without a step; the role's own tags are not inspected. Tag the import.",
        )


_REMEDY = "the steps are 0 to 5: name one of them, or remove the task"
STEPS_IN: dict[str, Callable[[Gating], frozenset[int]]] = {
    ORDERLY: by_one_tag,
    TAGS: by_tags,
    WHEN: by_condition,
}


# --- Conditions ---


class _Number(int):
    """The step as a number, as some releases of TripleO have it."""


class _Text(str):
    """The step as a text, as others have it: their loop counts in texts."""

    __slots__ = ()


class _AtStep(NodeTransformer):
    """Puts the step where its variable stands."""

    def __init__(self, step: _Number | _Text) -> None:
        self.step = step

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - Jinja's name
        return nodes.Const(self.step) if node.name == STEP else node


@cache  # the same few conditions stand at most tasks
def _steps_of(condition: str) -> Collection[int]:
    """Give the steps at which a condition holds, or may hold."""
    try:
        if "{{" in condition:  # a template in a template
            raise nodes.Impossible
        return tuple(step for step in TRIPLEO_STEPS if _may_hold(condition, step))
    except (TemplateSyntaxError, nodes.Impossible):
        if not _asks_for_step(condition):
            return TRIPLEO_STEPS
        raise DialectError(
            "dialect",
            f"runs when {condition}, and at which steps that is cannot be determined before it runs; compare its "
            "number with numbers, as in step|int == 2 or step|int in [2, 3], and keep other conditions apart.",
        ) from None


def _asks_for_step(condition: str) -> bool:
    return re.search(rf"\b{STEP}\b", condition) is not None


def _may_hold(condition: str, step: int) -> bool:
    number, text = (_truth(_parsed(condition, value)) for value in (_Number(step), _Text(step)))
    if number != text:
        raise nodes.Impossible
    return number is not False


def _parsed(condition: str, step: _Number | _Text) -> nodes.Expr:
    (output,) = _JINJA.parse("{{ " + condition + " }}").body
    expression: nodes.Expr = _AtStep(step).visit(output).nodes[0]
    return expression


def _truth(expression: nodes.Expr) -> bool | None:
    """Tell whether an expression is true; None where that is for other variables than the step to say."""
    if isinstance(expression, nodes.Not):
        below = _truth(expression.node)
        return None if below is None else not below
    if isinstance(expression, nodes.And | nodes.Or):
        decisive = isinstance(expression, nodes.Or)
        sides = {_truth(expression.left), _truth(expression.right)}
        return decisive if decisive in sides else None if None in sides else not decisive
    below_and_itself = [expression, *expression.find_all(nodes.Node)]
    steps = [node for node in below_and_itself if isinstance(getattr(node, "value", None), _Number | _Text)]
    if not steps and any(isinstance(node, nodes.Name) for node in below_and_itself):
        return None
    return bool(expression.as_const())
