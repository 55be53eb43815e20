# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a maintainer script that dpkg reaches when it upgrades a package.

This reads as much of the shell as maintainer scripts use. What it does not understand it takes for reached, and it has
an answer for every text. Nothing is executed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterator, Sequence

MODE = "upgrade"  # the first argument of preinst and prerm then
# debhelper's snippets ask before they stop anything, and none of them insists.
_SNIPPET = re.compile(
    r"^# Automatically added by dh_.*?(?:^# End automatically added section|\Z)", re.M | re.S
)
_PIECE = re.compile(
    r"""(?P<space>(?:[ \t\r]|\\\n)+)
      | (?P<comment>\#[^\n]*)
      | (?P<redirection>\d*(?:&>>?|<<<?-?|>>|>\||<>|[<>])&?[ \t]*[^\s;&|()<>]*)
      | (?P<operator>\n|;;|\|\||&&|[;&|()])
      | (?P<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|`[^`]*`|[^\s;&|()<>'"\\`])+)
      | (?P<other>.)""",
    re.X | re.S,
)
_HERE_DOCUMENT = re.compile(r"<<-?[ \t]*(['\"\\]?)(\w+)\1?")
_QUOTES = re.compile(r"\\(.)|'([^']*)'|\"((?:\\.|[^\"\\])*)\"", re.S)
_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.S)
_OPENS = {  # what a word opens, and what comes first in it
    "if": ("if", "condition"),
    "case": ("case", "subject"),
    "{": ("{", ""),
    **dict.fromkeys(("while", "until", "for", "select"), ("loop", "")),
}
_CLOSES = {"fi": "if", "esac": "case", "}": "{", "done": "loop"}
_KEYWORDS = {*_OPENS, *_CLOSES, "then", "elif", "else", "do"}
_THERE = re.compile(r"/run/systemd/system/?|(?:\S*/)?(?:invoke-rc\.d|deb-systemd-invoke|systemctl|service)")


@dataclass(frozen=True)
class Command:
    """A simple command: its words without quotes, its line, the operator that ends it, the function that it is in."""

    words: tuple[str, ...]
    line: int = 0
    then: str = ""
    function: str = ""


@dataclass
class _Frame:
    """Something that is open: an if, a case, a loop, a group, a function."""

    kind: str
    function: str = ""  # the one that it is in, or is
    is_outside_reached: bool = True
    is_reached: bool = True
    state: str = ""
    verdict: bool | None = None
    is_over: bool = False  # an earlier branch is the one that is taken
    subject: str = ""
    patterns: list[str] = field(default_factory=list)


def upgrade_commands(text: str) -> list[Command]:
    """Give the commands that are reached when dpkg upgrades the package, those of functions where they are called."""
    first = text.split("\n", 1)[0]
    if first.startswith("#!") and not re.search(r"\b(?:sh|bash|dash)\b", first):
        return []
    commands = _Reader().read(_SNIPPET.sub(lambda found: "\n" * found[0].count("\n"), text))
    called, left = {""}, [command for command in commands if not command.function]
    while left:
        names = {word for command in left for word in command.words[:2]} - called
        called |= names
        left = [command for command in commands if command.function in names]
    return [command for command in commands if command.function in called]


def _pieces(text: str) -> Iterator[tuple[str, str, int]]:
    """Split a text into pieces: their kinds, their texts, and their lines; without what here-documents hold."""
    line, at, ends = 1, 0, []
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            return
        kind, piece = str(found.lastgroup), found[0]
        if kind == "redirection" and (here := _HERE_DOCUMENT.match(piece)):
            ends.append(here[2])
        yield kind, piece, line
        at, line = found.end(), line + piece.count("\n")
        if piece == "\n" and ends:
            skipped = _after(text, at, ends)
            line, at, ends = line + text.count("\n", at, skipped), skipped, []


def _after(text: str, at: int, ends: Sequence[str]) -> int:
    for end in ends:
        found = re.compile(rf"^\t*{re.escape(end)}$", re.M).search(text, at)
        if not found:  # it goes on to the end, as the shell takes it
            return len(text)
        at = found.end()
    return at


def _plain(word: str) -> str:
    return _QUOTES.sub(lambda found: next((part for part in found.groups() if part is not None), ""), word)


class _Reader:
    """Reads the pieces of a script one after the other."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.frames: list[_Frame] = []
        self.words: list[str] = []
        self.line = 0
        self.joined = ""  # how the next command is joined to what came before, of which this is known
        self.verdict: bool | None = None
        self.modes = {"1"}
        self.values: dict[str, list[str]] = {}
        self.named = ""  # the function whose body comes next

    def read(self, text: str) -> list[Command]:
        for kind, piece, line in _pieces(text):
            if kind in ("word", "other"):
                self._word(piece, line)
            elif kind == "operator":
                self._operator(piece)
        self._end(";")
        return self.commands

    # --- What is open ---

    @property
    def _top(self) -> _Frame:
        return self.frames[-1] if self.frames else _Frame("")

    def _is_reached(self) -> bool:
        if (self.joined == "&&" and self.verdict is False) or (self.joined == "||" and self.verdict is True):
            return False
        return self._top.is_outside_reached and self._top.is_reached

    def _open(self, kind: str, state: str = "") -> None:
        self.frames.append(_Frame(kind, self.named or self._top.function, self._is_reached(), state=state))
        self.named = ""
        self.joined, self.verdict = "", None

    def _close(self, kind: str) -> None:
        if self._top.kind == kind:
            self.frames.pop()
        self.joined, self.verdict = "", None

    # --- Words ---

    def _word(self, piece: str, line: int) -> None:
        if self._top.kind == "case" and self._top.state != "body":
            self._case_word(piece)
        elif not self.words and piece in _KEYWORDS:
            self._keyword(piece)
        elif piece == "{" and len(self.words) > 1 and self.words[0] == "function":
            self.named, self.words = self.words[1], []
            self._open("{")
        else:
            self.line = line if not self.words else self.line
            self.words.append(_plain(piece))

    def _keyword(self, word: str) -> None:
        if word in _OPENS:
            self._open(*_OPENS[word])
        elif word in _CLOSES:
            self._close(_CLOSES[word])
        elif word == "do":
            self.joined, self.verdict = "", None
        elif self._top.kind == "if":
            self._branch(self._top, word)

    def _branch(self, frame: _Frame, word: str) -> None:
        if word == "then":
            frame.verdict, frame.state = self.verdict, "body"
            frame.is_reached = frame.verdict is not False and not frame.is_over
        elif word == "elif":
            frame.is_over = frame.is_over or frame.verdict is True
            frame.state, frame.is_reached = "condition", True
        else:
            frame.is_reached = frame.verdict is not True and not frame.is_over
        self.joined, self.verdict = "", None

    def _case_word(self, piece: str) -> None:
        frame, word = self._top, _plain(piece)
        if frame.state == "subject":
            frame.subject, frame.state = word, "in"
        elif frame.state == "in":
            frame.state = "pattern"
        elif piece == "esac" and not frame.patterns:
            self._close("case")
        else:
            frame.patterns.append(word)

    def _case_operator(self, piece: str) -> None:
        frame = self._top
        if piece != ")" or not frame.patterns:
            return
        subject = self._as_upgrade(frame.subject)
        matches = subject is not None and any(fnmatchcase(subject, each) for each in frame.patterns)
        frame.is_reached = subject is None or (matches and not frame.is_over)
        frame.is_over = frame.is_over or matches
        frame.state, frame.patterns = "body", []

    # --- Operators ---

    def _operator(self, piece: str) -> None:
        if self._top.kind == "case" and self._top.state != "body":
            self._case_operator(piece)
        elif piece == "(":
            if (
                self.words
                and self.words[:-1] in ([], ["function"])
                and not self.words[-1].endswith(("=", "$"))
            ):
                self.named, self.words = self.words[-1], []
            else:
                self._end("")
                self._open("(")
        elif piece == ")":
            self._end("")
            if not self.named:
                self._close("(")
        else:
            self._end(piece)
        if piece == ";;" and any(frame.kind == "case" for frame in self.frames):
            while self._top.kind != "case":
                self.frames.pop()
            self._top.state = "pattern"

    def _end(self, operator: str) -> None:
        """End a simple command."""
        words, self.words = self.words, []
        if words:
            self._note(words, operator)
        if operator in ("&&", "||"):
            self.joined = operator
        elif operator in (";", ";;", "&") or (operator == "\n" and words):
            self.joined = ""
            if self._top.state != "condition":
                self.verdict = None

    def _note(self, words: list[str], operator: str) -> None:
        is_negated = words[0] == "!"
        if self._is_reached():
            self._note_value(words[0])
            held = _not(self._holds(words[1:])) if is_negated else self._holds(words)
            joined = {"&&": _all, "||": _any}.get(self.joined)
            self.verdict = joined([self.verdict, held]) if joined else held
            for each in self._expanded(words):
                self.commands.append(Command(each, self.line, operator, self._top.function))

    def _note_value(self, word: str) -> None:
        found = _ASSIGNMENT.fullmatch(word)
        if not found:
            return
        if self._as_upgrade(found[2]) == MODE:
            self.modes.add(found[1])
        self.values.setdefault(found[1], []).append(found[2])

    def _expanded(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Give a command that a variable holds as what was put into the variable."""
        name = re.fullmatch(r"\$\{?(\w+)\}?", words[0])
        values = self.values.get(name[1], []) if name else []
        return [(*value.split(), *words[1:]) for value in values if value.split()] or [tuple(words)]

    # --- Conditions ---

    def _as_upgrade(self, word: str) -> str | None:
        """Put what dpkg gives in the place of the variable that holds it; none where a word has none."""
        modes = self.modes - ({"1"} if self._top.function else set())
        as_upgrade = re.sub(
            r"\$(?:\{(\w+)[^}]*\}|(\w+))", lambda m: MODE if (m[1] or m[2]) in modes else m[0], word
        )
        return as_upgrade if as_upgrade != word else None

    def _holds(self, words: Sequence[str]) -> bool | None:
        """Tell whether a condition holds in an upgrade on a host with systemd; none where that cannot be said."""
        if not words:
            return None
        if words[0] in ("which", "type", "hash") or tuple(words[:2]) == ("command", "-v"):
            return True if _THERE.fullmatch(words[-1]) else None
        if words[0] in ("true", ":", "false"):
            return words[0] != "false"
        if words[0] not in ("[", "[[", "test"):
            return None
        terms = [word for word in words[1:] if word not in ("]", "]]")]
        return _any([_all([self._term(term) for term in _split(part, "-a")]) for part in _split(terms, "-o")])

    def _term(self, words: Sequence[str]) -> bool | None:
        if len(words) > 1 and words[0] == "!":
            return _not(self._term(words[1:]))
        if len(words) == 2 and words[0] in ("-d", "-x", "-e", "-f"):
            return True if _THERE.fullmatch(words[1]) else None
        if len(words) != 3 or words[1] not in ("=", "==", "!="):
            return None
        left = self._as_upgrade(words[0])
        if left is None or "$" in words[2]:
            return None
        return fnmatchcase(left, words[2]) is (words[1] != "!=")


def _split(words: Sequence[str], at: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == at:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _not(held: bool | None) -> bool | None:
    return None if held is None else not held


def _all(held: Sequence[bool | None]) -> bool | None:
    return False if False in held else None if None in held else True


def _any(held: Sequence[bool | None]) -> bool | None:
    return True if True in held else None if None in held else False
