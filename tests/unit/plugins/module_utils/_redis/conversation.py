"""A redis and a sentinel that answer as they are told to, and remember what they were asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Conversation:
    """Runs commands: each has answers, of which the last one stays."""

    def __init__(self, answers: Mapping[str, Sequence[str] | str], dead: Sequence[str] = ()) -> None:
        self._answers = {
            name: [given] if isinstance(given, str) else list(given) for name, given in answers.items()
        }
        self._dead = dead
        self.asked: list[str] = []

    def __call__(self, args: Sequence[str], **_options: object) -> tuple[int, str, str]:
        command = " ".join(args)
        self.asked.append(command)
        if args[0] in self._dead:
            return 1, "", "Could not connect: Connection refused\n"
        answers = self._answers[command]
        return 0, (answers.pop(0) if len(answers) > 1 else answers[0]) + "\n", ""
