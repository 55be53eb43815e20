from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._status import program
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import (
    entry,
    parse_metrics,
    report,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Status = Callable[..., None]


class Found:
    def __init__(self, **keys: Any) -> None:
        self.report = report(entry("a.service", since="2000-01-01T00:00:00Z"), **keys)

    def as_dict(self) -> dict[str, Any]:
        return self.report


def fails_with(error: Exception) -> Callable[..., Found]:
    def read(*_arguments: Any, **_options: Any) -> Found:
        raise error

    return read


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch) -> Status:
    def set_status(error: Exception | None = None) -> None:
        read = fails_with(error) if error else lambda *_arguments, **_options: Found()
        monkeypatch.setattr(program, "read_status", read)

    set_status()
    return set_status


def test_the_fact_is_the_report(status: Status, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["fact"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checked": True, **Found().report}
    status(HostError("No systemd."))
    assert program.main(["fact"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checked": False, "trouble": ["No systemd."]}


def test_the_check_exits_with_its_verdict(status: Status, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["check"]) == 2
    assert program.main(["check", "--critical", "1e9"]) == 1
    assert program.main(["check", "--critical", "1e9", "--warning", "1e9"]) == 0
    status(HostError("No systemd."))
    assert program.main(["check"]) == 3
    status(ZeroDivisionError("a mistake of ours"))
    assert program.main(["check"]) == 3
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "UNKNOWN: No systemd.",
        "UNKNOWN: ZeroDivisionError: a mistake of ours",
    ]


def test_metrics_are_written_also_of_a_failure(status: Status, tmp_path: Path) -> None:
    assert program.main(["metrics", str(tmp_path)]) == 0
    assert "orderly_pending_restarts" in parse_metrics((tmp_path / "orderly.prom").read_text())
    status(HostError("No systemd."))
    assert program.main(["metrics", str(tmp_path)]) == 1
    assert parse_metrics((tmp_path / "orderly.prom").read_text())["orderly_status_success"] == {(): 0}
    assert [path.name for path in tmp_path.iterdir()] == ["orderly.prom"]


def test_commands_run_without_a_shell_and_never_wait_for_input() -> None:
    assert program.run_command(["printf", "%s", "$HOME"], environ_update={}) == (0, "$HOME", "")
    assert program.run_command(["cat"], environ_update={}) == (0, "", "")
    code, _output, errors = program.run_command(["no-such-program"], environ_update={})
    assert (code, errors) == (127, "no-such-program: No such file or directory")
