from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.orderly.services.plugins.filter.granted import granted

GATE = {"play": "wave-1", "granted": {"web": ["h1", "h2"], "db": ["h2"]}}

CASES = [("h1", ["web"]), ("h2", ["web", "db"]), ("h3", []), (None, ["web", "db"])]


@pytest.mark.parametrize(("host", "services"), CASES)
def test_a_host_may_be_disrupted_for_what_its_gate_granted(host: str | None, services: list[str]) -> None:
    assert granted(GATE, "wave-1", host) == services


def test_a_gate_that_failed_grants_nothing() -> None:
    assert granted({"play": "wave-1", "failed": True}, "wave-1", "h1") == []


@pytest.mark.parametrize("gate", [{}, {"play": "wave-2", "granted": {"web": ["h1"]}}, {"skipped": True}])
def test_without_the_gate_of_this_very_play_nothing_may_run(gate: dict[str, object]) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        granted(gate, "wave-1", "h1")
    assert str(caught.value) == (
        "The gate of wave-1 did not run (--start-at-task or --step skipped it), so none of its tasks may run. Start at "
        "the gate instead: --start-at-task 'wave-1 | Pass the gate'; it skips what is already done."
    )
