from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.text import duration
from ansible_collections.orderly.services.plugins.plugin_utils._report.progress import (
    Batch,
    Heard,
    Progress,
    State,
    batches,
)

HOSTS = frozenset({"web1", "web2", "web3", "web10"})
GRANT: dict[str, Any] = {
    "granted": True,
    "slots": {"web1": ["nginx"], "web2": ["nginx", "php"]},
    "waited": 5.2,
}


def lock(**told: Any) -> Heard:
    return Heard("web1", "Take the slots", "/play.yml:3", told)


def lost(host: str, state: State = State.FAILED, **told: Any) -> Heard:
    return Heard(host, "Restart", "/play.yml:9", told, state)


@pytest.fixture
def roll() -> Progress:
    """Begin the first of two waves at second 0."""
    progress = Progress()
    progress.play(Batch("a", 1, 2, HOSTS, HOSTS), 0)
    progress.hear(lock(**GRANT), 0, "then")
    return progress


def test_a_pause_ends_with_what_is_paused_and_the_way_back_and_is_no_failure() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 1, HOSTS, HOSTS), 0)
    progress.hear(lock(**GRANT, operation="pause"), 0, "then")
    (line,) = progress.play(Batch("b", 1, 1, frozenset()), 5)
    assert line.startswith("Wave 1 of 1 is done after 5 s: ")
    assert line.endswith(" 0 failed")
    (said,) = progress.summary("ansible-playbook again")
    assert said.startswith("Paused, with their slots, until resume_services: web1 (")
    assert progress.outcome == "done"


def test_a_host_that_fails_while_it_is_paused_has_failed() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 1, HOSTS, HOSTS), 0)
    progress.hear(lock(**GRANT, operation="pause"), 0, "then")
    progress.hear(lost("web1"), 3, "then")
    progress.play(Batch("b", 1, 1, frozenset()), 5)
    said = progress.summary("ansible-playbook again")
    assert said[0].startswith("Stopped: ")
    assert "web1 failed in wave 1 of 1" in said[1]


BATCHES: list[tuple[int, list[int | str], list[int]]] = [
    (5, [], [5]),
    (5, [2], [2, 2, 1]),
    (5, [1, "50%"], [1, 2, 2]),
    (3, ["10%"], [1, 1, 1]),
    (4, [1, 0], [1, 3]),
    (0, [2], []),
]


@pytest.mark.parametrize(("hosts", "serial", "sizes"), BATCHES)
def test_batches_are_those_that_ansible_makes(hosts: int, serial: list[int | str], sizes: list[int]) -> None:
    assert batches(hosts, serial) == sizes


def test_a_wave_that_waited_says_so() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 2, HOSTS, HOSTS), 0)
    (line,) = progress.hear(lock(**GRANT), 5, "then")
    assert line == "Wave 1 of 2 begins after waiting 5 s for its slots: web1 (nginx), web2 (nginx php)"


def test_a_stretch_is_told_host_by_host_and_is_over_when_its_play_is() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 2, HOSTS, HOSTS), 0)

    def begins(host: str, **told: Any) -> list[str]:
        slots = {host: ["nginx"]}
        return progress.hear(
            Heard(host, "Turn", "", {"granted": True, "in_turn": True, "slots": slots, **told}), 0, ""
        )

    assert begins("web1") == ["Stretch 1 of 2: web1 (nginx) begins: 0 done, 1 at work, 3 waiting"]
    assert progress.hear(lock(granted=False, waits=True, slots={}), 1, "") == []
    assert progress.hear(lock(slots={"web1": ["nginx"]}), 5, "") == []
    assert begins("web2", waited=7.0) == [
        "Stretch 1 of 2: web2 (nginx) begins after waiting 7 s for its slots: 1 done, 1 at work, 2 waiting"
    ]
    progress.hear(lock(slots={"web2": ["nginx"]}), 9, "")
    (line,) = progress.play(Batch("b", 2, 2, HOSTS, HOSTS), 10)
    assert line == "Stretch 1 of 2 is done after 10 s: 2 done, 2 waiting, 0 failed"
    assert progress.report()["waves"][0]["hosts"]["web2"]["seconds"] == 9
    begins("web3")
    assert progress.line(12).startswith("Stretch 2 of 2 · ")
    progress.hear(lost("web3"), 13, "")
    progress.end(14)
    said = progress.summary("again")
    assert said[0] == "Stopped: 2 hosts done in 2 stretches, 24 s; 1 failed, 1 not begun."
    assert said[1].startswith("web3 failed in stretch 2 of 2 at ")


def test_hosts_that_ask_again_and_again_are_no_news_and_not_at_work() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 1, HOSTS, HOSTS), 0)
    progress.hear(lock(granted=True, in_turn=True, slots={"web1": ["nginx"]}), 0, "")
    progress.start("web1", "Restart", 1)
    for now in range(2, 70):
        progress.start("web2", "Turn", now)
        progress.hear(Heard("web2", "Turn", "", {"granted": False, "waits": True, "slots": {}}), now, "")
    assert progress.silence(70) == ['Stretch 1 of 1: web1 at "Restart" for 1 min 9 s']
    progress.hear(
        Heard("web2", "Turn", "", {"granted": True, "in_turn": True, "slots": {"web2": ["nginx"]}}), 71, ""
    )
    progress.start("web2", "Restart", 72)
    assert progress.silence(73) == []


def test_a_host_is_done_when_all_its_slots_are_given_back(roll: Progress) -> None:
    assert roll.hear(lock(slots={"web2": ["nginx"]}), 7, "") == []
    assert roll.slots["web2"] == {"php"}
    (line,) = roll.hear(lock(slots={"web1": ["nginx"], "web2": ["php"]}), 9, "")
    assert line == "Wave 1 of 2 is done after 9 s: 2 done, 2 waiting, 0 failed"


def test_hosts_that_were_only_asked_are_not_waited_for() -> None:
    progress = Progress()
    progress.play(Batch("survey", 1, 1, HOSTS, HOSTS), 0)
    progress.hear(lock(order=["web1", "web3"], batches=[1, 1]), 0, "")
    rolled = frozenset({"web1", "web3"})
    progress.play(Batch("roll", 1, 2, rolled, rolled), 0)
    progress.hear(lock(granted=True, slots={"web1": ["nginx"]}), 0, "")
    (line,) = progress.hear(lock(slots={"web1": ["nginx"]}), 9, "")
    assert line == "Wave 1 of 2 is done after 9 s: 1 done, 1 waiting, 0 failed"


def test_a_host_that_said_nothing_at_all_is_unfinished_when_the_next_wave_begins(roll: Progress) -> None:
    roll.hear(lock(slots={"web1": ["nginx"]}), 1, "")
    (line,) = roll.play(Batch("b", 2, 2, HOSTS, HOSTS), 4)
    assert line == "Wave 1 of 2 failed on web2 after 4 s: 1 done, 2 waiting, 1 failed"
    assert roll.report()["waves"][0]["hosts"]["web2"]["outcome"] == "unfinished"


def test_a_host_that_lets_others_go_first_is_waiting_and_has_not_failed(roll: Progress) -> None:
    roll.hear(lost("web1", msg="no space left"), 3, "")
    roll.hear(lock(add_group="orderly_again"), 4, "")
    (line,) = roll.hear(lock(slots={"web2": ["nginx", "php"]}), 6, "")
    assert line == "Wave 1 of 2 is done after 6 s: 1 done, 3 waiting, 0 failed"
    assert (roll.slots, roll.outcome) == ({}, "stopped")
    host = roll.report()["waves"][0]["hosts"]["web1"]
    assert (host["outcome"], host["why"]) == ("to be tried again", '"Restart": no space left')
    roll.play(Batch("b", 1, 1, frozenset({"web1"})), 7)
    roll.hear(lock(granted=True, slots={"web1": ["nginx"]}), 7, "")
    roll.hear(lock(slots={"web1": ["nginx"]}), 8, "")
    assert roll.outcome == "done"


def test_the_task_file_that_goes_through_all_drains_is_no_service(roll: Progress) -> None:
    for role in ("rolling_op", "nginx"):
        roll.hear(Heard("web1", "Drain", f"/c/roles/{role}/tasks/drain.yml:3", {"changed": True}), 1, "")
    assert roll.drained == {"web1": {"nginx"}}


def test_the_plays_of_one_wave_belong_together(roll: Progress) -> None:
    assert roll.play(Batch("a", 1, 2, HOSTS, HOSTS), 4) == []


def test_a_failure_that_was_rescued_and_released_is_none(roll: Progress) -> None:
    roll.hear(lost("web1", msg="oops"), 1, "")
    assert roll.failed == 1
    roll.hear(lock(slots={"web1": ["nginx"], "web2": ["nginx", "php"]}), 2, "")
    assert (roll.failed, roll.outcome) == (0, "done")


def test_the_end_tells_what_failed_what_is_kept_and_how_to_resume(roll: Progress) -> None:
    roll.hear(
        Heard("web2", "Drain", "/x/roles/orderly_plan_nginx/tasks/drain.yml:3", {"changed": True}), 1, ""
    )
    roll.hear(Heard("web1", "Drain", "/x/roles/nginx/tasks/drain.yml:3", {"changed": True}), 1, "")
    roll.hear(Heard("web1", "Undrain", "/x/roles/nginx/tasks/undrain.yml:3", {"changed": True}), 1, "")
    roll.hear(lost("web2", State.UNREACHABLE, msg="gone\nfor good"), 2, "")
    roll.hear(lock(slots={"web1": ["nginx"]}), 3, "")
    roll.end(70)
    assert roll.summary("ansible-playbook site.yml") == [
        "Stopped: 1 host done in 1 wave, 1 min 10 s; 1 failed, 2 not begun.",
        'web2 unreachable in wave 1 of 2 at "Restart": gone',
        "Slots kept, and counted as down: web2 (nginx php)",
        "Still drained: web2 (nginx)",
        "To resume, bring web2 back and run again: ansible-playbook site.yml",
    ]
    assert roll.report()["not_begun"] == ["web3", "web10"]


def test_a_refusal_before_the_first_wave_is_told() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 2, HOSTS, HOSTS), 0)
    progress.hear(Heard("web1", "Take", "", {"granted": False, "msg": "Not now."}, State.FAILED), 0, "")
    assert progress.summary("x") == [
        "Stopped: 0 hosts done in 0 waves, 0 s; 0 failed, 4 not begun.",
        "Refused: Not now.",
    ]


def test_a_busy_lock_is_no_refusal_where_it_did_not_fail() -> None:
    progress = Progress()
    progress.hear(lock(granted=False, slots={}, msg="busy"), 0, "")
    assert (progress.refusal, progress.summary("x")) == ("", [])


def test_hosts_out_of_service_are_neither_done_nor_failed() -> None:
    progress = Progress()
    progress.play(Batch("a", 1, 1, HOSTS, HOSTS), 0)
    progress.hear(lock(granted=True, slots={"web1": ["nginx"]}, out_of_service={"web2": "disk"}), 0, "")
    progress.hear(lock(slots={"web1": ["nginx"]}), 1, "")
    assert progress.summary("x") == ["1 host done in 1 wave, 1 s."]
    assert progress.report()["waves"][0]["hosts"]["web2"]["outcome"] == "out of service"


def test_an_upgrade_is_heard_by_its_gates() -> None:
    progress = Progress()
    everywhere = frozenset({"web1", "lb1", "db1"})
    progress.play(Batch(0, 0, 2, frozenset(), everywhere), 0)
    assert progress.hear(lock(play="validate-nginx", granted={"nginx": ["web1"]}), 0, "") == []
    progress.play(Batch(1, 1, 2, frozenset({"db1"}), everywhere), 0)
    assert progress.hear(lock(play="change-1", granted={}), 0, "") == []  # done by an earlier run
    assert progress.not_begun == ["lb1", "web1"]
    progress.play(Batch(2, 2, 2, frozenset({"web1", "lb1"}), everywhere), 0)
    progress.hear(lock(play="change-2", granted={"nginx": ["web1"], "haproxy": ["lb1"]}), 0, "")
    assert progress.waves[0].visits["lb1"].services == ("haproxy",)
    progress.hear(lock(play="change-2", done={"nginx": ["web1"], "haproxy": ["lb1"]}), 9, "")
    assert progress.summary("x") == ["2 hosts done in 1 wave, 9 s."]


def test_finalizers_of_an_upgrade_keep_slots_too() -> None:
    progress = Progress()
    progress.play(Batch(0, 0, 2, frozenset(), HOSTS), 0)
    (line,) = progress.hear(lock(play="finalize-nginx", granted={"nginx": ["web1"]}), 0, "")
    assert line == "Finalizing begins: web1 (nginx)"
    progress.end(1)
    assert "web1 unfinished in finalizing" in progress.summary("x")


def test_a_gate_that_refuses_is_told() -> None:
    progress = Progress()
    progress.play(Batch(1, 1, 2, frozenset({"web1"})), 0)
    told = {"play": "change-1", "missing": [], "msg": "Wave 1 is refused"}
    progress.hear(Heard("web1", "Gate", "", told, State.FAILED), 0, "")
    assert progress.refusal == "Wave 1 is refused"


def test_one_line_tells_it_all(roll: Progress) -> None:
    roll.start("web1", "Restart", 2)
    roll.start("web2", "Restart", 5)
    assert (
        roll.line(8)
        == 'Wave 1 of 2 · 0 done, 2 at work, 2 waiting, 0 failed · web1, web2 at "Restart" for 6 s'
    )


def test_hosts_that_go_on_by_themselves_are_told_with_their_own_tasks_the_slowest_first(
    roll: Progress,
) -> None:
    for second, (host, task) in enumerate(
        [("web3", "Drain"), ("web2", "Verify"), ("web1", "Drain"), ("web10", "Undrain")]
    ):
        roll.start(host, task, second)
    assert roll.line(10).endswith(
        'web1, web3 at "Drain" for 10 s; web2 at "Verify" for 9 s; 1 host elsewhere'
    )
    roll.has_included(["web1", "web3"])
    assert roll.line(10).endswith('web2 at "Verify" for 9 s; web10 at "Undrain" for 7 s')


def test_what_a_host_shares_with_the_one_that_asked_begins_no_wave(roll: Progress) -> None:
    assert (
        roll.hear(Heard("web2", "Take the slots", "/play.yml:3", {**GRANT, "asked_by": "web1"}), 1, "") == []
    )
    assert roll.hear(lost("web2", msg="web2 gets no slots either", asked_by="web1"), 2, "") == []
    assert roll.refusal == ""


def test_a_log_hears_of_silence_ever_less_often(roll: Progress) -> None:
    roll.start("web2", "Restart", 10)
    told = [second for second in range(10, 1000) if roll.silence(second)]
    assert told == [70, 130, 250, 490, 970]
    assert roll.silence(3000) == ['Wave 1 of 2: web2 at "Restart" for 49 min 50 s']
    roll.start("web1", "Verify", 3001)
    assert [second for second in range(3001, 3100) if roll.silence(second)] == [3061]


DURATIONS = [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]


@pytest.mark.parametrize(("seconds", "words"), DURATIONS)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert duration(seconds) == words
