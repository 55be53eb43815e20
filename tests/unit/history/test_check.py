from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.orderly.services.tests.history.check import HistoryError, judge, main, read_events

RECORD = Path(__file__).parents[2] / "history/record.py"


def log(*lines: str) -> list[str]:
    """Complete lines such as ``h1 start 1 @5``: service, boot, and seconds as nanoseconds."""
    whole = []
    for line in lines:
        host, what, token, at, *boot = line.split()
        whole.append(f"{host} {what} web {token} {int(at[1:]) * 10**9} {''.join(boot) or 'boot'}")
    return whole


def broken(*lines: str, budget: int = 1, settled: bool = False) -> list[str]:
    return judge(read_events(log(*lines)), {"web": budget}, settled=settled)[1]


GOOD = {
    "one after the other": ["h1 start 1 @1", "h1 end 1 @2", "h2 start 2 @2", "h2 end 2 @3"],
    "logs in any order": ["h2 start 2 @2", "h2 end 2 @3", "h1 start 1 @1", "h1 end 1 @2"],
    "a host that died is done again before others": [
        "h1 start 1 @1",
        "h1 start 2 @5 rebooted",
        "h1 end 2 @6 rebooted",
        "h2 start 3 @7",
        "h2 end 3 @8",
    ],
    "one host twice under one slot": ["h1 start 1 @1", "h1 end 1 @2", "h1 start 1 @3", "h1 end 1 @4"],
}


@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_a_history_that_keeps_the_rules(lines: list[str]) -> None:
    assert broken(*lines, settled=True) == []


def test_two_hosts_at_once_exceed_a_budget_of_one_and_are_named() -> None:
    (rule,) = broken("h1 start 1 @1", "h2 start 2 @2", "h1 end 1 @3", "h2 end 2 @4")
    assert (
        rule == "web: 2 hosts were down at once: h1 (token 1, 1.000 to 3.000), h2 (token 2, 2.000 to 4.000)"
    )


def test_two_hosts_at_once_are_within_a_budget_of_two() -> None:
    assert (
        broken("h1 start 1 @1", "h2 start 2 @2", "h1 end 1 @3", "h2 end 2 @4", budget=2, settled=True) == []
    )


def test_a_host_that_died_is_down_until_it_is_done_again() -> None:
    died = ["h1 start 1 @1", "h2 start 2 @50", "h2 end 2 @51"]
    assert "h1 (token 1, 1.000 never ended)" in broken(*died)[0]
    assert "h1 (token 1, 1.000 to 61.000)" in broken(*died, "h1 start 3 @60", "h1 end 3 @61")[0]


def test_work_that_outlives_its_controller_counts_although_a_later_run_was_faster() -> None:
    lines = ["h1 start 1 @1", "h1 start 2 @2", "h1 end 2 @3", "h2 start 3 @4", "h2 end 3 @5", "h1 end 1 @6"]
    assert "h1 (token 1, 1.000 to 6.000), h2" in broken(*lines)[0]


def test_a_token_that_goes_back_means_that_the_slot_was_lost() -> None:
    late = ["h1 start 2 @1", "h1 end 2 @2", "h2 start 1 @3", "h2 end 1 @4"]
    assert "h2 (token 1, 3.000 to 4.000) began after h1 (token 2" in broken(*late)[0]
    assert broken(*late, budget=2) == []  # two slots: who got the first may be the later to begin
    assert broken("h1 start 2 @1", "h1 end 2 @2", "h1 start 1 @3", "h1 end 1 @4", budget=2)


def test_what_never_ended_is_no_fault_unless_asked() -> None:
    assert broken("h1 start 1 @1") == []
    assert broken("h1 start 1 @1", settled=True) == ["web: h1 (token 1, 1.000 never ended)"]


@pytest.mark.parametrize(
    "lines",
    [["h1 begin web 1 1 b"], ["h1 start web"], ["h1 start web x 1 b"], ["h1 end web 1 1 b"]],
)
def test_a_log_that_makes_no_sense_is_refused(lines: list[str]) -> None:
    with pytest.raises(HistoryError):
        judge(read_events(lines), {"web": 1})


def test_hosts_record_what_the_checker_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    for what in ("start", "end"):
        subprocess.run(
            [sys.executable, "-SE", RECORD, what, "web", "7"], check=True, env={"HISTORY": str(path)}
        )
    assert main(["--settled", "--budget", "web=1", str(path)]) == 0
    assert capsys.readouterr().out == "web: 1 disruptions of 1 hosts, 1 at once, budget 1\n"
    path.write_text("\n".join(log("h1 start 1 @1", "h2 start 2 @2")))
    assert main(["--budget", "web=1", str(path)]) == 1
    assert main(["--budget", "db=1", str(path)]) == 2
