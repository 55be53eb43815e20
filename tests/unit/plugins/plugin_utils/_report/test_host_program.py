from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.host_program import build_program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "status"
    path.write_bytes(build_program())
    return path


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_the_same_code_gives_the_same_bytes() -> None:
    assert build_program() == build_program()


def test_it_holds_what_it_needs_and_nothing_of_the_services() -> None:
    names = zipfile.ZipFile(io.BytesIO(build_program())).namelist()
    files = {"/".join(name.split("/")[-2:]) for name in names}
    assert {"__main__.py", "_status/program.py", "_deferral/ledger.py", "_host/yaml.py"} <= files
    assert not any("_haproxy" in name for name in names)


def test_it_runs_by_itself(program: Path) -> None:
    done = run(program, "--help")
    assert done.returncode == 0
    assert "check" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("check", "--warning", "soon"), ("no-such-command",)])
def test_a_wrong_option_is_unknown_not_critical(program: Path, arguments: tuple[str, ...]) -> None:
    done = run(program, *arguments)
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN: ")
