"""What systemd and people are told of a run of ansible-pull."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).parents[3] / "roles/pull/files/orderly_pull.py"
NOTHING: dict[str, Any] = {}


def wave(outcome: str) -> dict[str, Any]:
    return {"waves": [{"hosts": {"web1": {"outcome": outcome}}}]}


REFUSAL = {"refusal": "Must be done first: change of db on db1"}
CASES = [
    (0, NOTHING, 0, "nothing was left to do on this host."),
    (0, wave("done"), 0, "done."),
    (2, {"waves": [], **REFUSAL}, 75, f"refused, and nothing was disrupted here: {REFUSAL['refusal']}"),
    (2, {**wave("done"), **REFUSAL}, 75, f"refused after this host was changed: {REFUSAL['refusal']}"),
    (2, wave("failed"), 2, "failed on this host. Look above for the cause; the next run takes it up again."),
    (
        2,
        {**wave("unfinished"), **REFUSAL, "slots_kept": {"web1": ["web", "cache"]}},
        2,
        "failed on this host. It keeps its slots of cache, web, and counts as down. Look above for the cause; the next "
        "run takes it up again.",
    ),
    (1, NOTHING, 1, "failed before this host's turn came, and nothing was disrupted here. Look above for the cause."),
]  # fmt: skip


def run(folder: Path, script: str, report: object = None, **environ: str) -> tuple[int, list[str]]:
    """Let the program run a script that may leave a report; gives its status and what it printed."""
    path = folder / "report.json"
    path.write_text('{"waves": [{"hosts": {"web1": {"outcome": "failed"}}}]}')  # of the run before
    text = "" if report is None else f"cat > {path} <<'END'\n{json.dumps(report)}\nEND\n"
    done = subprocess.run(
        [sys.executable, PROGRAM, "sh", "-c", text + script],
        env={**os.environ, "ORDERLY_PROGRESS_REPORT": str(path), **environ},
        check=False, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(("code", "report", "status", "sentence"), CASES)
def test_the_end_of_a_run_is_told(
    tmp_path: Path, code: int, report: dict[str, Any], status: int, sentence: str
) -> None:
    assert run(tmp_path, f"echo said; exit {code}", report or None) == (
        status,
        ["said", f"orderly-pull: {sentence}"],
    )


def test_an_interrupted_run_is_told(tmp_path: Path) -> None:
    status, printed = run(tmp_path, "kill -KILL $$")
    assert status == 137
    assert printed == [
        "orderly-pull: interrupted by signal 9. The next run takes up what this one has begun."
    ]


def test_a_report_that_was_cut_off_is_none(tmp_path: Path) -> None:
    assert run(tmp_path, "printf '{\"waves' > $ORDERLY_PROGRESS_REPORT; exit 2")[0] == 2


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        yield listening


def test_systemd_is_told_where_it_is(tmp_path: Path, systemd: socket.socket) -> None:
    lines = ["PLAY [Wave 1 on web1] ****", "ok: [web1]", "Waiting for 3 s: db1 has held a slot of db"]
    run(tmp_path, f"printf '%s\\n' {' '.join(map(repr, lines))}", NOTIFY_SOCKET=str(tmp_path / "notify"))
    assert [systemd.recv(1000).decode() for _told in range(3)] == [
        "STATUS=PLAY [Wave 1 on web1]",
        "STATUS=Waiting for 3 s: db1 has held a slot of db",
        "STATUS=nothing was left to do on this host.",
    ]
