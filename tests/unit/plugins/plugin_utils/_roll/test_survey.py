"""What a host answers before a roll is about itself, or is not read at all."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._roll.survey import (
    BOOT,
    PENDING,
    read_boots,
    read_machines,
    read_survey,
)

GOOD = {"pending": [{"unit": "web.service", "along": []}]}
FAULTS: list[tuple[Any, str]] = [
    (None, "did not answer"),
    ({"unreachable": True, "pending": []}, "did not answer"),
    ({"skipped": True}, "did not answer"),
    ({"failed": True, "msg": "no \x1b[2J"}, r"could not be queried (no \x1b[2J)"),
    (
        {"pending": [{"unit": None}]},
        "gave an answer that cannot be read (the answer.pending[0].unit is not text)",
    ),
]


@pytest.mark.parametrize(("odd", "why"), FAULTS)
def test_an_odd_answer_is_the_fault_of_its_host_alone(odd: Any, why: str) -> None:
    survey = read_survey({"h1": odd, "h2": GOOD}, PENDING, {})
    assert (survey.answers, survey.silent) == ({"h2": GOOD}, {"h1": why})


def test_the_machine_that_answered_is_known_by_its_mark() -> None:
    assert read_machines({"h1": {"members": [], "machine": "a"}}) == {"h1": "a"}


def test_a_host_that_claims_variables_of_ours_is_not_believed_anything_else() -> None:
    survey = read_survey({"h1": GOOD}, PENDING, {"h1": ["orderly_store"]})
    assert survey.silent == {
        "h1": "answered with facts of names that are not a host's to set (orderly_store)"
    }


def boots(**hosts: tuple[bool, bool]) -> dict[str, Any]:
    answers = {
        host: {"required": required, "is_controller": here, "why": ["a new kernel"] if required else []}
        for host, (required, here) in hosts.items()
    }
    return dict(read_survey(answers, BOOT, {}).answers)


def test_hosts_that_need_it_boot_and_the_controller_never_does() -> None:
    answers = boots(h1=(True, False), h2=(False, False), h3=(True, True))
    assert read_boots(answers, everything=False).due == ("h1",)
    assert read_boots(answers, everything=True).due == ("h1", "h2")
    assert read_boots(answers, everything=False).lines == (
        "h1 needs to boot: a new kernel",
        "h3 needs to boot: a new kernel",
        "h3 is not booted, as ansible-playbook runs there: boot it by hand, or run this from elsewhere.",
    )
