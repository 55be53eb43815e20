"""What services change for a while: it is on record before, and undone once, whatever happens in between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .toys import Site, say

if TYPE_CHECKING:
    from pathlib import Path

RECORD = """\
- name: Put {name} on record
  orderly.services.temporary_changes:
    service: web
    name: {name}
    previous: "before on {{{{ inventory_hostname }}}}"
    until: {until}
    path: "{{{{ rolling_op_temporary }}}}"
"""
UNDO = """\
- name: Undo what is on record
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} undo:{{ item.key }}:{{ item.value | replace(' ', '_') }}"
  loop: "{{ temporary_changes | dict2items }}"
"""
PINNED, MASKED = (
    RECORD.format(name="pinned", until="upgraded"),
    RECORD.format(name="masked", until="verified"),
)


@pytest.fixture
def changing(site: Site) -> Site:
    """Give two web servers that pin something in step 1, and mask something when they are drained."""
    site.groups(web="w1 w2", late="l1")
    site.service("late", "3", after=["web"])
    role = site.service("web", "0 3", "verify undrain finalize")
    tasks = role / "tasks/upgrade_tasks.yml"
    step1 = say("web", "pin")
    tasks.write_text(tasks.read_text() + "\n" + PINNED + "  tags: step1\n\n" + step1 + "  tags: step1\n")
    (role / "tasks/drain.yml").write_text(MASKED + say("web", "mask"))
    (role / "tasks/undo.yml").write_text(UNDO)
    return site


def on_record(site: Site) -> list[str]:
    records = (json.loads(path.read_text()) for path in sorted(_folder(site).glob("*/*.json")))
    return [f"{each['name']} {each['previous']} {each['campaign'][-2:]}" for each in records]


def _folder(site: Site) -> Path:
    return site.folder / "temporary"


def undone(log: list[str]) -> list[str]:
    return [line for line in log if "undo:" in line]


MASKS = [f"web {host} undo:masked:before_on_{host}" for host in ("w1", "w2")]
PINS = [f"web {host} undo:pinned:before_on_{host}" for host in ("w1", "w2")]


def test_each_is_undone_once_in_its_wave_or_in_the_end(changing: Site) -> None:
    outcome = changing.upgrade()
    assert outcome.code == 0
    assert undone(outcome.log) == [*MASKS, *PINS]
    log = outcome.log
    assert log.index("web w1 verify") < log.index(MASKS[0]) < log.index("web w1 undrain")
    assert log.index("late l1 install") < log.index(PINS[0]) < log.index("web w1 finalize")
    assert on_record(changing) == []


def test_what_a_failed_run_has_changed_is_on_record_and_undone_when_it_is_resumed(changing: Site) -> None:
    changing.breaks_once("web w1 install")
    first = changing.upgrade()
    assert first.code != 0
    assert undone(first.log) == []
    assert on_record(changing) == [
        "masked before on w1 -1",
        "pinned before on w1 -1",
        "pinned before on w2 -1",
    ]

    again = changing.upgrade()
    assert again.code == 0
    assert undone(again.log) == [*MASKS, *PINS]
    assert on_record(changing) == []


def test_an_undo_that_fails_stays_on_record_and_keeps_the_campaign_open(changing: Site) -> None:
    changing.breaks_once(PINS[0])
    first = changing.upgrade()
    assert first.code != 0
    assert on_record(changing) == ["pinned before on w1 -1", "pinned before on w2 -1"]
    assert "web w1 finalize" not in first.log
    listed = changing.upgrade(playbook="orderly.services.campaigns")
    assert "temporary changes of web are to be undone" in listed.text

    again = changing.upgrade()
    verified = ["web w1 verify", "web w2 verify"]
    assert again.log == [*verified, PINS[0], "web w1 finalize", PINS[1], "web w2 finalize"]
    assert on_record(changing) == []


def test_what_an_abandoned_campaign_has_left_is_undone_by_recover(changing: Site) -> None:
    changing.breaks("web w1 install")
    changing.upgrade()
    still_open = changing.upgrade(playbook="orderly.services.recover")
    assert undone(still_open.log) == [MASKS[0]]
    assert on_record(changing) == ["pinned before on w1 -1", "pinned before on w2 -1"]

    folder = changing.plan()["id"][:16]
    reason = ("-e", f"abandon_campaign={folder}", "-e", "abandon_reason=withdrawn")
    given_up = changing.upgrade(*reason, playbook="orderly.services.abandon_campaign")
    assert "the temporary changes of web" in given_up.text
    recovered = changing.upgrade(playbook="orderly.services.recover")
    assert "pinned of web is recorded as a temporary change" in recovered.text
    assert sorted(undone(recovered.log)) == PINS
    assert on_record(changing) == []
    assert "No host was left behind." in changing.upgrade(playbook="orderly.services.recover").text


def test_a_rolling_restart_undoes_what_its_drain_has_changed(changing: Site) -> None:
    changing.write("operation.yml", say("web", "operate"))
    outcome = changing.upgrade(
        *("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml", "--limit", "web"),
        playbook="orderly.services.rolling_op",
    )
    assert outcome.code == 0
    assert undone(outcome.log) == MASKS
    assert on_record(changing) == []


def test_check_mode_puts_nothing_on_record_and_undoes_nothing(changing: Site) -> None:
    outcome = changing.upgrade("--check")
    assert outcome.code == 0
    assert on_record(changing) == []


def test_a_temporary_change_without_an_undo_is_refused(changing: Site) -> None:
    (changing.folder / "roles/web/tasks/undo.yml").unlink()
    outcome = changing.upgrade("--list-tasks")
    assert "[no-undo]" in outcome.text
    assert "web has no tasks/undo.yml" in outcome.text
