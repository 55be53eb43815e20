"""Four services are upgraded in two stages over two runs, with a fault at every boundary of the journal in turn.

After each fault the same command is run again. What the hosts logged themselves, and what they are in the end, is
compared with an upgrade that nothing disturbed. ``pytest -k`` chooses a fault; BOUNDARIES="wave-1:worked …" in the
environment chooses boundaries, else it is all of them, or with FAULTS unset one in the middle of either stage.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.faults.part import ALL
from ansible_collections.orderly.services.tests.faults.stack import Stack, boundaries_of, prepare

if TYPE_CHECKING:
    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

PLAYS = (
    "validate-queue", "validate-api", "prepare-queue", "wave-1", "wave-2", "wave-3", "wave-4", "post-upgrade-api",
    "finalize-queue-1", "finalize-queue-2",
)  # fmt: skip
# What is recorded as done in one play is where the next one begins; a task can only fail where there are tasks.
MOMENTS = {
    "controller": ("entered", "worked", "done"),
    "host": ("entered", "worked", "done"),
    "task": ("entered", "worked"),
}
END = f"{PLAYS[-1]}:done"  # the campaign is over then, and the same command would begin another one
CHOSEN = os.environ.get("BOUNDARIES", "" if ALL else "wave-1:worked finalize-queue-1:worked").split()
BOUNDARIES = {
    fault: [each for each in boundaries_of(PLAYS, moments) if each != END and (not CHOSEN or each in CHOSEN)]
    for fault, moments in MOMENTS.items()
}


@pytest.fixture(scope="module")
def stack(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    prepare(hosts)
    return Stack(tmp_path_factory.mktemp("stack"), hosts)


@pytest.fixture(scope="module")
def undisturbed(stack: Stack) -> dict[str, list[str]]:
    """Upgrade everything, and give what the hosts are then."""
    assert stack.upgrade_all() == []
    check(stack)
    state = stack.state()
    for lines in state.values():
        assert any("version=new" in line for line in lines)
        assert not any(
            "pinned" in line or "maintenance" in line or "/var/lib/orderly" in line for line in lines
        )
    return state


def check(stack: Stack, *, cut: int = 0) -> None:
    """Look at what the hosts logged; *cut* finalizers failed between what is done once and their end."""
    assert stack.broken() == []
    assert sorted(stack.ran("queue/finalize")) == ["h1", "h2"]
    assert len(stack.ran("queue/once")) == 1 + cut
    assert stack.campaigns() == ["ended"]
    assert stack.slots() == []


@pytest.mark.parametrize("fault", MOMENTS)
def test_faults_at_every_boundary_in_turn_leave_no_trace(
    stack: Stack, undisturbed: dict[str, list[str]], fault: str
) -> None:
    pending = {*BOUNDARIES[fault]}
    while pending:
        stack.reset()
        met = stack.upgrade_all(fault, pending)
        assert met, f"never met: {sorted(pending)}"
        # A finalizer that failed did not run: it is repeated as a whole, so its author writes it to be repeated.
        check(stack, cut=int(fault == "task" and f"{PLAYS[-1]}:worked" in met))
        assert stack.state() == undisturbed
        pending -= {*met}
