"""The policy-rc.d script as text: it is made of its parts, and each part can be checked and found again."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.host.host import SCRIPT, Host
from ansible_collections.orderly.services.tests.write_policy_rc_d import (
    ALWAYS,
    PARTS,
    SHELL,
    WHEN_NEEDED,
    put_together,
)

if TYPE_CHECKING:
    from pathlib import Path


def complaints(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_the_script_is_made_of_its_parts() -> None:
    assert SCRIPT.read_text() == put_together(), "write it again: tests/env python tests/write_policy_rc_d.py"


def test_every_part_is_in_the_script() -> None:
    assert {path.name for path in PARTS.iterdir()} == {SHELL, *ALWAYS, *WHEN_NEEDED}


@pytest.mark.parametrize("name", [*ALWAYS, *WHEN_NEEDED])
def test_perl_has_no_complaint_about_a_part_alone(name: str) -> None:
    assert (PARTS / name).read_text().count("\nuse strict;\nuse warnings;\n") == 1
    assert complaints("perl", "-c", PARTS / name) == f"{PARTS / name} syntax OK\n"


def perl_of_the_script() -> str:
    perl = SCRIPT.read_text().partition("#!perl")[2].partition("__END__")[0]
    whole = perl.replace("__DATA__\n", "", 1).replace("<DATA>", "<STDIN>", 1)
    return whole.partition("\n")[2]


def test_perl_has_no_complaint_about_all_parts_together_even_if_strict() -> None:
    assert complaints("perl", "-Mstrict", "-wc", "-e", perl_of_the_script()) == "-e syntax OK\n"


@pytest.mark.parametrize("script", [PARTS / SHELL, SCRIPT])
def test_the_shell_has_no_complaint(script: Path) -> None:
    assert complaints("sh", "-n", script) == ""


def test_no_perl_module_is_loaded() -> None:
    assert re.findall(r"^\s*(?:use|require)\b.*", SCRIPT.read_text(), re.MULTILINE) == []
    loaded = "BEGIN { print STDERR sort keys %INC }"  # some of Perl's own functions load one, as glob does
    assert complaints("perl", "-wce", f"{perl_of_the_script()}\n{loaded}") == "-e syntax OK\n"


@pytest.mark.parametrize(("part", "function"), [("policies.pl", "paused"), ("records.pl", "record_name")])
def test_an_error_names_the_part_and_the_line_in_it(tmp_path: Path, part: str, function: str) -> None:
    beginning = f"sub {function} {{\n"
    text = (PARTS / part).read_text()
    line = text[: text.index(beginning)].count("\n") + 2
    host = Host(tmp_path)
    host.block(alpha__service=["restart"])
    host.run("alpha.service")
    host.install(SCRIPT.read_text().replace(beginning, beginning + "die 'here';", 1))
    host.ask("alpha", "restart")
    assert (
        f"here at policy-rc.d/{part} line {line}." in (host.root / "run/orderly/policy.trouble").read_text()
    )
