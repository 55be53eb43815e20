"""The error of everything that runs on the controller; edges turn it into Ansible's."""

from __future__ import annotations

from typing import Any

from .text import readable


class ControllerError(Exception):
    """Something is not as it has to be: what, what was expected, what to do; *details* has the parts as fields."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(readable(message))
        self.details = details
