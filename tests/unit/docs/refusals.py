"""The refusals in the code: what its errors, its failing tasks and the answers of the lock say."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
OURS = {"ControllerError", "HostError", "HaproxyError", "DialectError"}
OF_ANSIBLE = {"AnsibleActionFail", "AnsibleLookupError", "AnsibleParserError"}
SECOND = {"Refused", "DialectError"}  # what they say is their second argument
GAP = "…"
FEW_LETTERS = 6


@dataclass(frozen=True)
class Refusal:
    """What is said, on one line and with … for what varies, and where."""

    text: str
    place: str

    @property
    def has_words(self) -> bool:
        """Tell whether it says something of its own, besides what it hands on."""
        return len(re.findall("[A-Za-z]", self.text)) > FEW_LETTERS


@dataclass(frozen=True)
class Module:
    """A file of plugins."""

    path: Path
    tree: ast.Module = field(repr=False)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Give all that is in it."""
        return list(ast.walk(self.tree))

    @cached_property
    def meanings(self) -> dict[str, list[ast.AST]]:
        """Give what its names may stand for: functions, what is assigned, and what a loop goes through."""
        found: dict[str, list[ast.AST]] = {}
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append(node)
            elif isinstance(node, (ast.Assign, ast.For)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                value = node.value if isinstance(node, ast.Assign) else node.iter
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(value)
        return found

    @cached_property
    def imported(self) -> set[str]:
        """Name what it imports."""
        imports = (node for node in self.nodes if isinstance(node, ast.ImportFrom))
        return {each.name for node in imports for each in node.names}

    def refusals(self) -> Iterator[Refusal]:
        """Find what it refuses."""
        for node in self.nodes:
            if isinstance(node, ast.Call) and (said := _said(node)):
                place = f"{self.path.relative_to(ROOT)}:{node.lineno}"
                yield from (Refusal(" ".join(text.split()), place) for text in self._texts(said))

    def _texts(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """Give the texts that an expression may be; nothing where it only hands on what was said elsewhere."""
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield from self._joined(parts, seen)
            case ast.BinOp(left=left, right=right):
                yield from self._joined([left, right], seen)
            case ast.IfExp(body=body, orelse=other):
                yield from chain(self._texts(body, seen), self._texts(other, seen))
            case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name) if name not in seen:
                meant = self._meanings(name)
                yield from chain.from_iterable(self._texts(each, seen | {name}) for each in meant)
            case ast.FunctionDef():
                ends = (each for each in ast.walk(node) if isinstance(each, (ast.Return, ast.Yield)))
                yield from chain.from_iterable(self._texts(end.value, seen) for end in ends if end.value)

    def _meanings(self, name: str) -> list[ast.AST]:
        known = self.meanings.get(name, [])
        others = (module.meanings.get(name, []) for module in modules() if name in self.imported)
        return known or list(chain.from_iterable(others))

    def _joined(self, parts: list[ast.expr], seen: frozenset[str]) -> Iterator[str]:
        """Give a text of parts; of those that vary, what begins it is looked into, as that makes another sentence."""
        first, *rest = parts
        begins = first.value if isinstance(first, ast.FormattedValue) else first
        end = "".join(next(self._texts(each, seen), GAP) if _is_fixed(each) else GAP for each in rest)
        yield from (begin + end for begin in list(self._texts(begins, seen)) or [GAP])


def _is_fixed(node: ast.expr) -> bool:
    return isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Name))


def _said(call: ast.Call) -> ast.expr | None:
    """Give what a call says if it is a refusal: an error of ours, the end of a task, an answer of the lock."""
    func = call.func
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    if name == "fail_json":
        return next((each.value for each in call.keywords if each.arg == "msg"), None)
    is_ours = name in errors() | OF_ANSIBLE | SECOND or (
        name == "__init__" and "super()" in ast.unparse(func)
    )
    given = call.args[1:] if name in SECOND else call.args
    return given[0] if is_ours and given else None


@cache
def modules() -> tuple[Module, ...]:
    """Parse all plugins."""
    paths = sorted(ROOT.glob("plugins/**/*.py"))
    return tuple(Module(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


@cache
def errors() -> frozenset[str]:
    """Name our errors, with all that derive from them."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for node in chain.from_iterable(module.nodes for module in modules())
        if isinstance(node, ast.ClassDef)
    }
    known = set(OURS)
    while more := {name for name, theirs in bases.items() if theirs & known} - known:
        known |= more
    return frozenset(known)


def rules() -> set[str]:
    """Name the rules that tasks of roles are read with."""
    calls = (
        node
        for node in chain.from_iterable(module.nodes for module in modules())
        if isinstance(node, ast.Call)
    )
    named = (
        call.args
        for call in calls
        if ast.unparse(call.func).endswith(("Finding", ".finding", "DialectError"))
    )
    return {
        str(each.value)
        for args in named
        for each in args[:3]
        if isinstance(each, ast.Constant) and re.fullmatch("[a-z-]+", str(each.value))
    }


def in_roles() -> Iterator[Refusal]:
    """Find what tasks of our roles refuse."""
    for path in sorted(ROOT.glob("roles/*/tasks/*.yml")):
        for task in _tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            for module, option in (("assert", "fail_msg"), ("fail", "msg")):
                text = (task.get(f"ansible.builtin.{module}") or {}).get(option, "")
                said = re.sub(r"\{\{.*?\}\}", GAP, text, flags=re.DOTALL)
                yield Refusal(" ".join(said.split()), str(path.relative_to(ROOT)))


def _tasks(tasks: list[dict[str, Any]] | None) -> Iterator[dict[str, Any]]:
    for task in tasks or ():
        yield task
        for part in ("block", "rescue", "always"):
            yield from _tasks(task.get(part))


@cache
def refusals() -> tuple[Refusal, ...]:
    """Find all that have words of their own."""
    found = chain(chain.from_iterable(module.refusals() for module in modules()), in_roles())
    return tuple(dict.fromkeys(each for each in found if each.has_words))
