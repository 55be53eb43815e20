"""What the policy-rc.d script answers about units that an operator has paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, Host

if TYPE_CHECKING:
    from pathlib import Path

QUESTIONS = [
    (["alpha", "start"], DENIED),
    (["alpha", "restart", "5"], DENIED),
    (["alpha.service", "restart"], DENIED),
    (["alpha", "try-restart"], DENIED),
    (["alpha", "reload"], DENIED),
    (["alpha", "stop"], ALLOWED),
    (["alpha", "status"], ALLOWED),
    (["gamma", "restart"], ALLOWED),
]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host on which alpha is paused, gamma runs, and no policy says anything."""
    host = Host(tmp_path)
    host.run("gamma.service")
    folder = host.root / "var/lib/orderly/paused"
    folder.mkdir(parents=True)
    (folder / "alpha.service").write_text("unit: alpha.service\n")
    return host


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_packages_do_not_start_what_is_paused(host: Host, question: list[str], answer: int) -> None:
    assert host.ask(*question) == answer
    assert host.records() == {}


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_nor_do_they_without_perl(host: Host, question: list[str], answer: int) -> None:
    host.without_perl()
    assert host.ask(*question) == answer


def test_the_neighbours_of_a_paused_unit_are_made_up_for(host: Host) -> None:
    assert host.deb_systemd_invoke("restart", "alpha.service", "gamma.service") is not None
    assert list(host.records()) == ["gamma.service"]
    assert host.records()["gamma.service"]["collateral"]
