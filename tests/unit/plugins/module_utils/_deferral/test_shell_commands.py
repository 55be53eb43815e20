from __future__ import annotations

import time

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.shell_commands import (
    Command,
    upgrade_commands,
)

REACHED = [
    ("a b; c", ["a b", "c"]),
    ("a && b || c", ["a", "b", "c"]),
    ("a 'b c' \"d $e\" \\\n f", ["a b c d $e f"]),
    ("a $(b)", ["a $", "b"]),
    ("a >/dev/null 2>&1 # c", ["a"]),
    ('[ "$1" = upgrade ] && a', ["[ $1 = upgrade ]", "a"]),
    ('[ "$1" = remove ] && a || b', ["[ $1 = remove ]", "b"]),
    ('[ "$1" = remove ] && a; b', ["[ $1 = remove ]", "b"]),
    ("if [ $1 = remove ]; then a; elif [ $1 = purge ]; then b; else c; fi; d", [2, "c", "d"]),
    ("if [ $1 = upgrade ]; then a; elif x; then b; else c; fi", [1, "a", "x"]),
    ("if x && [ $1 = remove ]; then a; fi", ["x", 1]),
    ("if x || [ $1 = remove ]; then a; fi", ["x", 1, "a"]),
    ("if ! [ $1 = remove ]; then a; fi", [1, "a"]),
    ("if [ ! -d /run/systemd/system ]; then a; fi", [1]),
    ("case $1 in remove|purge) a;; upgrade) b;; *) c;; esac; d", ["b", "d"]),
    ("case $1 in (remove) a;; (*) b; esac", ["b"]),
    ("case $x in remove) a;; *) b;; esac", ["a", "b"]),
    ("f() { a; }\ng() { f; }\ng", ["a", "f", "g"]),
    ("f() { [ $1 = remove ] && a; }\nf remove", [1, "a", "f remove"]),  # its own argument
    ("while x; do a; done; b", ["x", "a", "b"]),
    ("cat <<-'E' >x\n\ta\n\tE\nb", ["cat", "b"]),
    ("(a; b); c", ["a", "b", "c"]),
    ("M=${1:-}\ncase $M in remove) a;; esac", ["M=${1:-}"]),
]


@pytest.mark.parametrize(("text", "expected"), REACHED)
def test_what_an_upgrade_reaches(text: str, expected: list[str | int]) -> None:
    found = [" ".join(command.words) for command in upgrade_commands(text)]
    conditions = [each for each in found if each.startswith(("[", "! ["))]
    if any(isinstance(each, int) for each in expected):  # so many conditions
        assert len(conditions) == sum(each for each in expected if isinstance(each, int))
        found = [each for each in found if each not in conditions]
    assert found == [each for each in expected if isinstance(each, str)]


def test_a_command_knows_its_line_its_end_and_its_function() -> None:
    found = upgrade_commands("\nf() {\n  a ||\n  b\n}\nf\n")
    assert found == [Command(("a",), 3, "||", "f"), Command(("b",), 4, "\n", "f"), Command(("f",), 6, "\n")]


@pytest.mark.parametrize(
    "piece", ["(", "'", '"', "`", "{ ", "if ", "case x in ", "<<E\n", "f() ", "$(", "\\", "a|"]
)
def test_a_long_script_is_read_in_a_time_that_grows_as_its_length(piece: str) -> None:
    begin = time.monotonic()
    upgrade_commands(piece * 20_000)
    assert time.monotonic() - begin < 10
