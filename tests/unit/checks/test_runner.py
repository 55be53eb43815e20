from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.orderly.services.tests.runner import Outcome, table

TESTS = Path(__file__).resolve().parents[2]
LONG = f"""
import sys; sys.path.insert(0, {str(TESTS)!r})
import runner
act = lambda: runner.run("sh", "-c", "setsid sleep 300 & echo $! >" + sys.argv[1] + "; wait")
sys.exit(runner.run_all([runner.Check("long", act), runner.Check("also", lambda: runner.run("sleep", "300"))]))
"""


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name
)
def test_what_was_started_ends_with_the_checks_however_they_end(
    number: signal.Signals, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    file.touch()
    checks = subprocess.Popen([sys.executable, "-c", LONG, file], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    try:
        while not file.read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        grandchild = int(file.read_text())
        assert is_running(grandchild)
        os.kill(checks.pid, number)
        assert checks.wait(30) == (-number if number == signal.SIGKILL else 130)
    finally:
        checks.kill()
        checks.wait()
    while is_running(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_table_says_where_the_time_went() -> None:
    lines = table([Outcome("lint", "", 2.4, 1.9), Outcome("unit", "broken", 61.0, 100.2)], 62.0)
    assert [line.split() for line in lines[1:3]] == [["check", "seconds", "of", "CPU"], ["unit", "61", "100"]]
    assert lines[-1].split()[-2:] == ["62", "102"]
