"""The text of task files: cut by task and edited in place, so that a plan holds the author's own words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import yaml

from .._common.text import on_one_line
from .files import entry, strings, tasks_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NO_TASKS = "[{ansible.builtin.meta: noop}]"


@dataclass(frozen=True)
class Edit:
    """Replace the text from *start* to *end*."""

    start: int
    end: int
    text: str


def edited(text: str, start: int, end: int, edits: Iterable[Edit]) -> str:
    """Give a part of a text with its edits made."""
    pieces = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [text[start : edit.start], edit.text]
        start = edit.end
    return "".join([*pieces, text[start:end]]).strip("\n")


def spans(text: str, items: Sequence[yaml.MappingNode], end: int) -> list[tuple[int, int]]:
    """Give the text of each item of a list: from its dash, and the comments above it, to the next one's.

    Items of a list in brackets, as JSON has them, have no dash and end where they end: see :func:`as_item`.
    """
    if in_brackets(text, items):
        return [(item.start_mark.index, item.end_mark.index) for item in items]
    starts = [text.rindex("-", 0, item.start_mark.index) for item in items]
    starts = [_with_comments(text, text.rfind("\n", 0, start) + 1) for start in starts]
    return list(pairwise([*starts, end]))


def in_brackets(text: str, items: Sequence[yaml.MappingNode]) -> bool:
    """Tell whether a list is written as ``[…]``, in the way of JSON."""
    return bool(items) and items[0].flow_style is True and _before(text, items[0]) != "-"


def _before(text: str, item: yaml.MappingNode) -> str:
    """Give the last sign before an item that is no blank."""
    return text[: item.start_mark.index].rstrip()[-1:]


def as_item(text: str) -> str:
    """Give the text of a task as an item of a list with dashes; that of one in brackets has no dash yet."""
    return f"- {text}" if text.startswith("{") else text


def _with_comments(text: str, start: int) -> int:
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        line = text[above : start - 1].strip()
        if line and not line.startswith("#"):
            break
        start = above
    return start


def comment_above(text: str, item: yaml.MappingNode, said: Callable[[int], str]) -> list[Edit]:
    """Put a comment above an item that begins a line with its dash; what it says may depend on the line's number."""
    dash = text.rfind("-", 0, item.start_mark.index)
    start = text.rfind("\n", 0, dash) + 1
    indent = text[start:dash]
    if dash < 0 or indent.strip(" ") or text[dash + 1 : item.start_mark.index].strip():
        return []
    line = text.count("\n", 0, start) + 1
    return [Edit(start, start, f"{indent}# {on_one_line(said(line))}\n")]


def end_of(text: str, node: yaml.Node) -> int:
    """Tell where the lines of a list end; its own mark is where the next word begins."""
    end: int = node.end_mark.index
    return end if end >= len(text) else text.rfind("\n", 0, end) + 1


def keep_items(
    text: str,
    key: yaml.Node,
    items: yaml.SequenceNode,
    kept: Sequence[tuple[yaml.MappingNode, list[Edit]]],
) -> Edit:
    """Leave some items of a list of tasks, the value of a key, each with its edits."""
    nothing = NO_TASKS if key.value == "block" else "[]"  # Ansible refuses a block that has no task
    nodes = tasks_in(items)
    places = spans(text, nodes, end_of(text, items))
    texts = [edited(text, *places[nodes.index(node)], edits) for node, edits in kept]
    if items.flow_style:
        return Edit(
            items.start_mark.index, items.end_mark.index, f"[{', '.join(texts)}]" if kept else nothing
        )
    lines = "".join(f"\n{item}" for item in texts) or f" {nothing}"
    return Edit(key.end_mark.index, end_of(text, items), f":{lines}\n")


def without_tag(task: yaml.MappingNode, tag: str) -> list[Edit]:
    """Take a tag out of a task's own."""
    found = entry(task, "tags")
    given = strings(found[1]) if found else []
    return [_replaced(*found, [each for each in given if each != tag])] if found and tag in given else []


def _replaced(key: yaml.Node, value: yaml.Node, words: Sequence[str]) -> Edit:
    """Put words in the place of a key's value."""
    # A block sequence ends where the next token begins; its last entry ends where its text does.
    in_lines = isinstance(value, yaml.SequenceNode) and not value.flow_style and value.value
    last = value.value[-1] if in_lines else value
    return Edit(key.end_mark.index, last.end_mark.index, ": " + json.dumps(words, ensure_ascii=False))


def as_file(texts: Iterable[str]) -> str:
    """Make a task file of the text of some tasks."""
    return "---\n" + "\n\n".join(texts) + "\n"


def add_condition(task: yaml.MappingNode, only: str) -> Edit:
    """Add a condition to a task's own."""
    if found := entry(task, "when"):
        key, when = found
        given = when.value if isinstance(when, yaml.SequenceNode) else [when]
        return _replaced(key, when, [only, *(str(node.value) for node in given)])
    start = task.value[0][0].start_mark
    separator = ", " if task.flow_style else "\n" + " " * start.column
    return Edit(start.index, start.index, f"when: {json.dumps(only)}{separator}")
