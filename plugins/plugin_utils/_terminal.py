"""Where our words reach a terminal: names and answers in them move no cursor and hide nothing."""

from __future__ import annotations

from ansible.utils.display import Display

from ._common.text import on_one_line

display = Display()


def say(text: str, color: str | None = None) -> None:
    """Show a line."""
    display.display(on_one_line(text), color=color)
