from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils import _terminal

if TYPE_CHECKING:
    import pytest


def test_what_is_said_stays_on_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(_terminal.display, "display", lambda text, **_options: shown.append(text))
    _terminal.say("w1\nok: [w2]\x1b[2J: pending")
    assert shown == ["w1\\nok: [w2]\\x1b[2J: pending"]
