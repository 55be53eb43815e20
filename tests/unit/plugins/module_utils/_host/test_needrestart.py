from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.needrestart import (
    outdated_units,
    parse_batch,
    parse_kernel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

BATCH = """\
NEEDRESTART-VER: 3.6
NEEDRESTART-SVC: ssh.service
NEEDRESTART-SVC: cron.service
NEEDRESTART-SESS: root @ session #1
NEEDRESTART-SVC:
"""


class Answer:
    def __init__(self, code: int, output: str, errors: str = "") -> None:
        self.answer = (code, output, errors)
        self.commands: list[list[str]] = []

    def __call__(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        assert environ_update == {"LC_ALL": "C"}
        self.commands.append(list(args))
        return self.answer


def installed(root: Path) -> Path:
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/needrestart").touch()
    return root


def test_only_services_are_read_each_once_in_order() -> None:
    assert parse_batch(BATCH + BATCH) == ["cron.service", "ssh.service"]


def test_needrestart_is_told_to_restart_nothing(tmp_path: Path) -> None:
    run = Answer(0, BATCH)
    assert outdated_units(run, installed(tmp_path)) == ["cron.service", "ssh.service"]
    assert run.commands == [[f"{tmp_path}/usr/sbin/needrestart", "-b", "-l", "-r", "l"]]


FAILURES = [
    (Answer(1, "", "noise\nno /proc\n"), "needrestart failed: no /proc"),
    (Answer(0, "something else"), "needrestart failed: something else"),
    (Answer(0, ""), "needrestart failed: exit status 0"),
]


@pytest.mark.parametrize(("run", "message"), FAILURES)
def test_an_answer_that_is_none_is_never_taken_for_nothing_outdated(
    run: Answer, message: str, tmp_path: Path
) -> None:
    with pytest.raises(HostError, match=message):
        outdated_units(run, installed(tmp_path))


def test_where_it_is_missing_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="needrestart is not installed"):
        outdated_units(Answer(0, BATCH), tmp_path)


KERNEL = (
    "NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-30\nNEEDRESTART-KEXP: 6.1.0-31\nNEEDRESTART-KSTA: {}\n"
)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("1", ""),
        ("2", "kernel 6.1.0-31 is installed, but 6.1.0-30 is running"),
        ("3", "kernel 6.1.0-31 is installed, but 6.1.0-30 is running"),
    ],
)
def test_a_kernel_that_waits_is_named(state: str, expected: str) -> None:
    assert parse_kernel(KERNEL.format(state)) == expected


@pytest.mark.parametrize("output", [KERNEL.format("0"), "NEEDRESTART-VER: 3.6\n"])
def test_a_kernel_that_needrestart_does_not_know_is_not_taken_for_the_newest(output: str) -> None:
    with pytest.raises(HostError, match="does not know which kernel is running"):
        parse_kernel(output)
