from __future__ import annotations

import os

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.live_line import LiveLine, can_show


class Terminal:
    """What a live line writes, as the terminal gets it."""

    def __init__(self, columns: int = 40, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self._reader, self._writer = os.pipe()
        self.line = LiveLine(self._writer, self.size)

    def size(self, _descriptor: int) -> os.terminal_size:
        return os.terminal_size((self.columns, self.rows))

    def written(self) -> str:
        os.set_blocking(self._reader, False)
        try:
            return os.read(self._reader, 65536).decode()
        except BlockingIOError:
            return ""


def test_the_row_is_reserved_once_and_given_back() -> None:
    terminal = Terminal()
    terminal.line.show("one")
    assert terminal.written() == "\n\x1b[1A\x1b7\x1b[1;23r\x1b8\x1b7\x1b[24;1H\x1b[2Kone\x1b8"
    terminal.line.show("two")
    assert terminal.written() == "\x1b7\x1b[24;1H\x1b[2Ktwo\x1b8"
    terminal.line.clear()
    assert terminal.written() == "\x1b7\x1b[r\x1b[24;1H\x1b[2K\x1b8"
    terminal.line.clear()
    assert terminal.written() == ""


def test_another_size_of_the_window_is_noticed() -> None:
    terminal = Terminal()
    terminal.line.show("one")
    terminal.rows = 10
    terminal.written()
    terminal.line.show("two")
    assert "\x1b[1;9r" in terminal.written()


def test_a_line_is_cut_to_the_width_before_it_gets_colour() -> None:
    terminal = Terminal(columns=10)
    terminal.line.show("0123456789abc", lambda text: f"<{text}>")
    assert "<01234567…>" in terminal.written()


def test_nothing_is_shown_on_a_terminal_of_two_rows() -> None:
    terminal = Terminal(rows=2)
    terminal.line.show("one")
    assert terminal.written() == ""


CASES = [
    (True, {"TERM": "xterm"}, True),
    (False, {"TERM": "xterm"}, False),
    (True, {"TERM": "dumb"}, False),
    (True, {}, False),
    (True, {"TERM": "xterm", "CI": "true"}, False),
    (True, {"TERM": "xterm", "AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, False),
]


@pytest.mark.parametrize(("is_terminal", "environ", "shown"), CASES)
def test_where_a_live_line_makes_sense(is_terminal: bool, environ: dict[str, str], shown: bool) -> None:
    assert can_show(is_terminal, environ) is shown
