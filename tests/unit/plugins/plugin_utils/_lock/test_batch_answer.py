from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.batch_answer import shared

if TYPE_CHECKING:
    from pathlib import Path

BATCH = ("web1", "web2", "web3")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answer.json"


def ask_in_a_process(path: Path, host: str) -> None:
    """Append to a log who asked."""

    def ask() -> dict[str, str]:
        with path.with_name("log").open("a") as log:
            log.write(f"{host}\n")
        return {"pid": str(os.getpid())}

    answer, by = shared(path, host, BATCH, ask)
    with path.with_name("answers").open("a") as answers:
        answers.write(f"{host} {by} {answer['pid']}\n")


def test_of_processes_that_come_at_once_one_asks_and_all_hear_the_same(path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=ask_in_a_process, args=(path, host)) for host in BATCH]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    (asked,) = path.with_name("log").read_text().splitlines()
    answers = [line.split() for line in path.with_name("answers").read_text().splitlines()]
    assert sorted(host for host, _by, _pid in answers) == list(BATCH)
    assert {by for _host, by, _pid in answers} == {asked}
    assert len({pid for _host, _by, pid in answers}) == 1


def test_a_host_that_comes_again_asks_anew(path: Path) -> None:
    answers = iter([{"number": 1}, {"number": 2}])

    def come(host: str) -> tuple[dict[str, int], str]:
        return shared(path, host, BATCH, lambda: next(answers))

    assert come("web1") == ({"number": 1}, "web1")
    assert come("web2") == ({"number": 1}, "web1")
    assert come("web1") == ({"number": 2}, "web1")
    assert come("web3") == ({"number": 2}, "web1")


def test_a_host_of_another_batch_asks_for_its_own(path: Path) -> None:
    shared(path, "web1", BATCH, lambda: {"number": 1})
    assert shared(path, "db1", ["db1"], lambda: {"number": 2}) == ({"number": 2}, "db1")


def test_who_is_interrupted_leaves_no_answer(path: Path) -> None:
    def interrupted() -> dict[str, int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared(path, "web1", BATCH, interrupted)
    assert shared(path, "web2", BATCH, lambda: {"number": 1}) == ({"number": 1}, "web2")
