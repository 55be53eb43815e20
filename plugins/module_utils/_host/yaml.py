# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of YAML as policies and records are written in; whatever else is an error, never a guess.

Hosts need no PyYAML, which may be missing or broken in the middle of an upgrade. Mappings, lists and scalars are read,
in block and flow style; scalars stay text, but for null. Anchors, tags, block scalars and more documents are refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, Mapping, Pattern, Tuple

Line = Tuple[int, str]

_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\""""
_QUOTED_KEY = re.compile(rf"({_QUOTED})\s*:(?:\s+(.*)|$)", re.DOTALL)
_PLAIN_KEY = re.compile(r"""([^\s"'\[\]{},#&*!|>%@`](?:[^:#]|:(?=\S)|(?<=\S)\#)*):(?:\s+(.*)|$)""", re.DOTALL)
_COMMENT = re.compile(r"(?<!\s)\s+#.*")  # looked for once in a run of spaces, however long that is
_FLOW_QUOTED = re.compile(_QUOTED, re.DOTALL)
_FLOW_KEY = re.compile(
    rf"""({_QUOTED}|[^\s"'\[\]{{}},:&*!|>%@`]+(?::[^\s,\[\]{{}}:]+)*)\s*:(?=[\s\[{{"']|$)\s*""", re.DOTALL
)
_FLOW_PLAIN = re.compile(r"""[^\s"'\[\]{},&*!|>%@`#](?:[^,\[\]{}:#]|:(?=[^\s,\[\]{}])|(?<=\S)\#)*""")
_SEPARATOR = re.compile(r"\s*(?:,\s*|(?=[\]}]))")
_DASH = re.compile(r"-(?: +|$)")
_PLAIN_TEXT = re.compile(r"[A-Za-z][\w@.-]*(?: [A-Za-z][\w@.-]*)*", re.ASCII)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "e": "\x1b",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}
_KEYWORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
_MAX_DEPTH = 20


class YamlError(Exception):
    """The text is no YAML, or more of it than is read here."""


def parse(text: str) -> Any:
    """Read a document; raises :class:`YamlError` with the line that is not understood."""
    lines: list[Line] = []
    for line in text.split("\n"):
        content = line.strip(" \t\r")
        if content and not content.startswith("#") and line.lstrip(" ").startswith("\t"):
            raise YamlError("indented with a tab")
        preamble = not lines and re.fullmatch(r"%.*|---\s*(#.*)?", content)
        if content and not content.startswith("#") and not preamble and content != "...":
            lines.append((len(line) - len(line.lstrip(" ")), content))
    if not lines:
        raise YamlError("it is empty")
    reader = _Reader(lines)
    value = reader.block(0)
    if reader.lines:
        raise YamlError(f"not understood: {reader.lines[0][1]}")
    return value


class _Reader:
    """Reads values off the front of a list of lines."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def block(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise YamlError(f"more than {_MAX_DEPTH} levels")
        indent, content = self.lines[0]
        if _DASH.match(content):
            return self.sequence(indent)
        if _split_key(content):
            return self.mapping(indent, depth)
        self.lines.pop(0)
        return self.inline(indent, content)

    def mapping(self, indent: int, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while self.lines and self.lines[0][0] == indent and not _DASH.match(self.lines[0][1]):
            pair = _split_key(self.lines.pop(0)[1])
            if pair is None or pair[0] in values:
                raise YamlError(f"not a key, or a duplicate key: {pair and pair[0]}")
            key, rest = pair
            values[key] = self.inline(indent + 1, rest) if rest else self.nested(indent, depth)
        if self.lines and self.lines[0][0] > indent:
            raise YamlError(f"indented too far: {self.lines[0][1]}")
        return values

    def nested(self, indent: int, depth: int) -> Any:
        """Read what stands below a key; a list may stand right under it."""
        if not self.lines:
            return None
        deeper = self.lines[0][0] > indent
        listed = self.lines[0][0] == indent and _DASH.match(self.lines[0][1])
        return self.block(depth + 1) if deeper or listed else None

    def sequence(self, indent: int) -> list[Any]:
        values: list[Any] = []
        while self.lines and self.lines[0][0] == indent and _DASH.match(self.lines[0][1]):
            rest = _DASH.sub("", self.lines.pop(0)[1], count=1)
            if _DASH.match(rest) or _split_key(rest):
                raise YamlError(f"a list of more than plain values: {rest}")
            values.append(self.inline(indent + 1, rest) if rest and not rest.startswith("#") else None)
        return values

    def inline(self, indent: int, text: str) -> Any:
        """Read a value that begins on this line and goes on for as long as lines are indented at least so far."""
        if text[0] in "[{\"'":
            while self.lines and (self.lines[0][0] >= indent or self.lines[0][1][0] in "]}"):
                text = _joined(text, self.lines.pop(0)[1])
            value, rest = _flow(text, 0)
            if rest.strip() and not rest.lstrip().startswith("#"):
                raise YamlError(f"unexpected text after a value: {rest.strip()}")
            return value
        if text[0] in "&*!|>%@`]},":
            raise YamlError(f"not understood: {text}")
        text = _COMMENT.sub("", text)
        while self.lines and self.lines[0][0] >= indent:
            text += " " + self.lines.pop(0)[1]
        if re.search(r": |\s#|:$", text):
            raise YamlError(f"not understood: {text}")
        return _scalar(text)


def _joined(text: str, line: str) -> str:
    if text.endswith("\\") and not text.endswith("\\\\"):
        return text[:-1] + line
    return text + " " + line


def _split_key(text: str) -> tuple[str, str] | None:
    if text.startswith("? "):
        raise YamlError(f"not understood: {text}")
    for pattern in (_QUOTED_KEY, _PLAIN_KEY):
        match = pattern.match(text)
        if match:
            rest = match.group(2) or ""
            return _unquote(match.group(1).rstrip()), "" if rest.startswith("#") else rest
    return None


def _flow(text: str, depth: int) -> tuple[Any, str]:
    if depth > _MAX_DEPTH:
        raise YamlError(f"more than {_MAX_DEPTH} levels")
    text = text.lstrip()
    if text.startswith("["):
        return _flow_list(text[1:].lstrip(), depth)
    if text.startswith("{"):
        return _flow_mapping(text[1:].lstrip(), depth)
    quoted = _FLOW_QUOTED.match(text)
    if quoted:
        return _unquote(quoted.group()), text[quoted.end() :]
    plain, rest = _take(_FLOW_PLAIN, text)
    return _scalar(plain.rstrip()), rest


def _flow_list(text: str, depth: int) -> tuple[list[Any], str]:
    values = []
    while not text.startswith("]"):
        value, text = _flow(text, depth + 1)
        values.append(value)
        text = _take(_SEPARATOR, text)[1]
    return values, text[1:]


def _flow_mapping(text: str, depth: int) -> tuple[dict[str, Any], str]:
    values: dict[str, Any] = {}
    while not text.startswith("}"):
        match = _FLOW_KEY.match(text)
        if match is None or _unquote(match.group(1)) in values:
            raise YamlError(f"not a key, or a duplicate key: {text}")
        text = text[match.end() :]
        value, text = (None, text) if text[:1] in (",", "}") else _flow(text, depth + 1)
        values[_unquote(match.group(1))] = value
        text = _take(_SEPARATOR, text)[1]
    return values, text[1:]


def _take(pattern: Pattern[str], text: str) -> tuple[str, str]:
    match = pattern.match(text)
    if match is None:
        raise YamlError(f"not understood: {text}")
    return match.group(), text[match.end() :]


def _scalar(text: str) -> str | None:
    return None if text in ("~", "null", "Null", "NULL") else text


def _unquote(text: str) -> str:
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        return _ESCAPE.sub(_unescape, text[1:-1])
    return text


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2) or match.group(3)
    if code:
        return _character(int(code, 16))
    return _ESCAPES.get(match.group(4), match.group(4))


def _character(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise YamlError(f"there is no character {code:x}")
    return chr(code)


def dump(values: Mapping[str, Any]) -> str:
    """Write a mapping of texts, numbers, lists, and mappings of lists, in the block layout that every reader knows."""
    return "".join(f"{_text(key)}:{_dumped(value, '  ')}\n" for key, value in values.items())


def _dumped(value: Any, indent: str) -> str:
    if isinstance(value, Mapping) and value:
        pairs = (f"\n{indent}{_text(key)}:{_dumped(item, indent)}" for key, item in value.items())
        return "".join(pairs)
    if isinstance(value, (list, tuple)) and value:
        return "".join(f"\n{indent}- {_text(item)}" for item in value)
    if isinstance(value, (Mapping, list, tuple)):
        return " {}" if isinstance(value, Mapping) else " []"
    return f" {_text(value)}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN_TEXT.fullmatch(value) and value.lower() not in _KEYWORDS:
        return value
    return '"' + "".join(map(_escape, value)) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if " " <= character <= "~":
        return "\\" + character if character in '"\\' else character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
