"""Findings: what is wrong with what the services say, each with its place, a rule's name and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._common.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that keeps the plan from being made."""

    file: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: [{self.rule}] {self.message}"


class FindingsError(ControllerError):
    """The services cannot be planned; ``findings`` says why, all of it at once."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        listed = "\n".join(map(str, self.findings))
        super().__init__(f"The services cannot be planned:\n{listed}")
