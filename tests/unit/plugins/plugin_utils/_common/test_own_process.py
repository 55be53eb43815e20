from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common import own_process

if TYPE_CHECKING:
    from pathlib import Path

PROBE = ("plugins.plugin_utils._report.probe", "[]", "1")
HEARTBEAT = ("plugins.plugin_utils._run.heartbeat", "nothing://x", "{}")


def run(*wanted: str, folder: Path) -> str:
    done = subprocess.run(
        own_process.command(*wanted),
        env=own_process.environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("where", ["current folder", "PYTHONPATH", "empty part of PYTHONPATH"])
@pytest.mark.parametrize(
    ("wanted", "said"), [(PROBE, "[]"), (HEARTBEAT, '"nothing://x" is not a store address')]
)
def test_our_processes_run_our_code_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, wanted: tuple[str, ...], said: str
) -> None:
    *folders, name = wanted[0].split(".")
    folder = tmp_path
    for each in folders:
        folder /= each
        folder.mkdir()
        (folder / "__init__.py").touch()
    (folder / f"{name}.py").write_text("print('planted')")
    if where == "current folder":
        (tmp_path / "json.py").write_text("print('planted')")
    monkeypatch.setenv(
        "PYTHONPATH", {"PYTHONPATH": str(tmp_path), "current folder": ""}.get(where, ":/nowhere:")
    )
    output = run(*wanted, folder=tmp_path)
    assert said in output
    assert "planted" not in output
