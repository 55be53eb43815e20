"""YAML's anchors and merge keys: each task of a file is made to stand for itself, as a plan cuts files by task.

Where an alias stands, the text of what it means is put, in one line, so that places in the file stay as they are.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MERGE = "tag:yaml.org,2002:merge"
MOST = 10_000  # nodes; a few lines of aliases of aliases can stand for more than fits anywhere


class AliasError(Exception):
    """An alias that cannot be written out; ``line`` tells where it is, counted from 0."""

    def __init__(self, line: int, words: str) -> None:
        self.line = line
        super().__init__(words)


def without_aliases(text: str, loader: type) -> str:
    """Write out what each alias of a YAML text stands for; a text that has none is given as it is.

    :raises AliasError: when one stands for something that it is in, or for far too much
    :raises yaml.YAMLError: when it is not YAML
    """
    if "*" not in text:
        return text
    places: list[Any] = [
        event for event in yaml.parse(text, Loader=loader) if isinstance(event, yaml.AliasEvent)
    ]
    root = yaml.compose(text, Loader=loader) if places else None
    if root is None:
        return text
    pieces, start = [], 0
    for event, node in zip(places, _repeated(root), strict=True):
        mark = event.start_mark
        if len(list(islice(_all(node, mark.line), MOST))) == MOST:
            raise AliasError(mark.line, "stands for too much")
        pieces += [text[start : mark.index], _in_one_line(node)]
        start = event.end_mark.index
    return "".join([*pieces, text[start:]])


def merged(node: yaml.Node) -> yaml.Node:
    """Give a tree whose mappings have what they merge (``<<``) among their own keys, after those."""
    if isinstance(node, yaml.SequenceNode):
        node.value = [merged(each) for each in node.value]
    elif isinstance(node, yaml.MappingNode):
        node.value = [(key, merged(value)) for key, value in node.value]
        own = {key.value for key, _value in node.value}
        for key, value in [*node.value]:
            sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for source in sources if key.tag == MERGE else ():
                more = source.value if isinstance(source, yaml.MappingNode) else []
                node.value += [pair for pair in more if pair[0].value not in own]
                own |= {pair[0].value for pair in more}
    return node


def _repeated(root: yaml.Node) -> Iterator[yaml.Node]:
    """Give the nodes that aliases stand for, in the order of the aliases."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            yield node
        else:
            seen.add(id(node))
            stack += reversed(_below(node))


def _all(node: yaml.Node, line: int, above: tuple[yaml.Node, ...] = ()) -> Iterator[yaml.Node]:
    if any(node is each for each in above):
        raise AliasError(line, "stands for something that it is in")
    yield node
    for each in _below(node):
        yield from _all(each, line, (*above, node))


def _below(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _in_one_line(node: yaml.Node) -> str:
    """Write a node in the flow style, its tags as they were."""
    text: str = yaml.serialize(_flowing(node), width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _flowing(node: yaml.Node) -> yaml.Node:
    if isinstance(node, yaml.ScalarNode):
        plain = node.style is None
        return yaml.ScalarNode(node.tag, node.value, style=None if plain else '"')
    if isinstance(node, yaml.MappingNode):
        pairs = [(_flowing(key), _flowing(value)) for key, value in node.value]
        return yaml.MappingNode(node.tag, pairs, flow_style=True)
    return yaml.SequenceNode(node.tag, [_flowing(each) for each in node.value], flow_style=True)
