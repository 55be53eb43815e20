from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import (
    GateError,
    check_places,
    check_prerequisites,
    hosts_left,
    pass_gate,
    patterns,
    plays_left,
)
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection

from ..plan_world import AT, deployment, plan_of, progress

PLAN = plan_of(deployment("db", "d1 d2", "0 3"), deployment("web", "w1 w2", "3 6", after=("db",)))
EVERYTHING = Selection()
VALID = "db/validate@d1 db/validate@d2"
DB = f"{VALID} db/change@d1 db/change@d2"
WEB = f"{DB} web/change@w1 web/change@w2"


def enter(play: str, done: str = "", selection: Selection = EVERYTHING, **known: Any) -> dict[str, str]:
    """Pass a gate; gives the hosts granted, in words by service."""
    plan = known.pop("plan", PLAN)
    batch = known.pop("batch", "d1 d2 w1 w2").split()
    rehearsal = known.pop("rehearsal", False)
    grant = pass_gate(plan, play, progress(done, **known), selection, batch, rehearsal=rehearsal)
    return {name: " ".join(hosts) for name, hosts in grant.services.items()}


def refusal(play: str, done: str = "", selection: Selection = EVERYTHING, **known: Any) -> str:
    with pytest.raises(GateError) as caught:
        enter(play, done, selection, **known)
    return str(caught.value)


GRANTS = [
    ("the first play", "validate-db", "", {"db": "d1 d2"}),
    ("what is done is skipped", "validate-db", "db/validate@d1", {"db": "d2"}),
    ("nothing is left", "validate-db", VALID, {}),
    ("what is before is done", "wave-1", VALID, {"db": "d1"}),
    ("the next wave", "wave-2", f"{VALID} db/change@d1", {"db": "d2"}),
    ("what it comes after is done", "wave-3", DB, {"web": "w1"}),
    ("after the last wave", "post-upgrade-web", WEB, {"web": "w1 w2"}),
]


@pytest.mark.parametrize(
    ("play", "done", "granted"), [case[1:] for case in GRANTS], ids=[case[0] for case in GRANTS]
)
def test_a_play_is_granted_what_is_left_of_it(play: str, done: str, granted: dict[str, str]) -> None:
    assert enter(play, done) == granted


RESUME = "Bring the host back or fix what failed, and run the same command again: it resumes there."
REFUSALS = [
    (
        "a host that was never contacted",
        "wave-1",
        {"done": "db/validate@d1"},
        "validate of db on d2 (validate-db: not begun).",
    ),
    (
        "a host that failed",
        "wave-2",
        {"done": VALID, "started": "db/change@d1"},
        f"change of db on d1 (wave-1: started {AT}, never done).",
    ),
    (
        "what was begun is named first, the rest is counted",
        "wave-3",
        {"done": VALID, "started": "db/change@d2"},
        f"change of db on d2 (wave-2: started {AT}, never done); and 1 more.",
    ),
    (
        "everything before counts, not only the last play",
        "post-upgrade-web",
        {"done": f"{VALID} web/change@w1 web/change@w2"},
        "change of db on d1 (wave-1: not begun); change of db on d2 (wave-2: not begun).",
    ),
]


@pytest.mark.parametrize(
    ("play", "known", "missing"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_a_play_is_refused_with_what_is_missing(play: str, known: dict[str, str], missing: str) -> None:
    title = "Complete web" if play == "post-upgrade-web" else f"Wave {play[-1]}"
    assert refusal(play, **known) == (
        f"{title} is refused; nothing in it was touched. Must be done first: {missing} {RESUME}"
    )


def test_a_long_list_of_missing_hosts_is_cut() -> None:
    plan = plan_of(deployment("web", " ".join(f"w{number}" for number in range(1, 31)), "0 3"))
    message = refusal("wave-1", plan=plan, batch="w1")
    assert message.count("validate of web on") == 5
    assert "; and 25 more. " in message


def test_a_refusal_lists_all_that_is_missing_as_data() -> None:
    with pytest.raises(GateError) as caught:
        enter("wave-1")
    assert [(each.part, each.host) for each in caught.value.missing] == [
        ("db/validate", "d1"),
        ("db/validate", "d2"),
    ]


# --- Parts of a run ---


def test_a_run_is_granted_only_its_services_and_hosts() -> None:
    assert enter("wave-1", VALID, Selection(only=frozenset({"web"}))) == {}
    assert enter("wave-1", VALID, Selection(stage="other")) == {}
    assert enter("validate-db", "", Selection(hosts=frozenset({"d2"}))) == {"db": "d2"}
    assert enter("validate-db", "", batch="d1") == {"db": "d1"}


def test_hosts_outside_the_run_are_only_waited_for_where_the_order_says_so() -> None:
    only_d2 = Selection(hosts=frozenset({"d2"}))
    assert enter("wave-2", "db/validate@d2", only_d2) == {"db": "d2"}
    only_w1 = Selection(hosts=frozenset({"w1"}))
    assert "change of db on d1 (wave-1: not begun); change of db on d2" in refusal("wave-3", "", only_w1)


MIGRATING = plan_of(deployment("db", "d1 d2 d3", "4", max_unavailable=2, migrates_once=True))


def test_nobody_goes_on_without_the_host_that_migrates() -> None:
    assert enter("wave-1", plan=MIGRATING, batch="d1 d2") == {"db": "d1 d2"}
    assert enter("wave-1", "db/change@d1", plan=MIGRATING, batch="d2") == {"db": "d2"}
    for play, host in (("wave-1", "d2"), ("wave-2", "d3")):
        limited = Selection(hosts=frozenset({host}))
        assert "change of db on d1 (wave-1: not begun)." in refusal(
            play, "", limited, plan=MIGRATING, batch=host
        )


def test_a_rehearsal_counts_what_the_run_would_have_done_but_not_what_others_have_to_do() -> None:
    assert enter("wave-3", rehearsal=True) == {"web": "w1"}
    only_web = Selection(only=frozenset({"web"}))
    assert "change of db on d1" in refusal("wave-3", "", only_web, rehearsal=True)


FINALIZING = plan_of(deployment("db", "d1 d2", parts="finalize"), deployment("web", "w1"))
ALL_OF_IT = "db/change@d1 db/change@d2 web/change@w1"


def test_finalizers_stay_open_while_another_run_has_something_to_do() -> None:
    only_db = Selection(only=frozenset({"db"}))
    done = progress("db/change@d1 db/change@d2")
    grant = pass_gate(FINALIZING, "finalize-db-1", done, only_db, ["d1"], rehearsal=False)
    assert grant.services == {}
    assert [each.words for each in grant.waits_for] == ["change of web on w1 (wave-1: not begun)"]


def test_finalizers_are_refused_where_this_run_failed_and_granted_when_all_is_done() -> None:
    assert "change of web on w1" in refusal("finalize-db-1", "db/change@d1 db/change@d2", plan=FINALIZING)
    assert enter("finalize-db-1", ALL_OF_IT, plan=FINALIZING) == {"db": "d1"}


AWAY = Selection(away={"web": {"w1": "dead mainboard"}, "db": {"d1": "ticket 5"}})


def test_hosts_that_are_out_of_service_are_left_out_and_do_not_stop_the_waves_of_others() -> None:
    assert enter("validate-db", "", AWAY) == {"db": "d2"}
    assert enter("wave-2", "db/validate@d2", AWAY) == {"db": "d2"}
    assert hosts_left(PLAN, progress(), AWAY)["wave-1"] == ()


def test_what_must_come_after_a_host_that_is_out_of_service_waits_and_says_why() -> None:
    message = refusal("wave-4", "db/validate@d2 db/change@d2", AWAY)
    assert "change of db on d1 (wave-1: not begun; out of service: ticket 5)" in message
    assert (
        "Out of service: d1. Once such a host is back, say so (rolling_lock with state=in_service)" in message
    )


@pytest.mark.parametrize("rehearsal", [False, True])
def test_finalizers_are_refused_for_a_host_out_of_service_with_the_way_to_leave_it_out(
    *, rehearsal: bool
) -> None:
    away = Selection(away={"web": {"w1": "dead mainboard"}})
    done = "db/change@d1 db/change@d2"
    message = refusal("finalize-db-1", done, away, plan=FINALIZING, rehearsal=rehearsal)
    assert message == (
        "Finalize db (1 of 2) is refused; nothing in it was touched. Must be done first: change of web on w1 (wave-1: "
        "not begun; out of service: dead mainboard). Out of service: w1. Once such a host is back, say so (rolling_lock"
        " with state=in_service) and run the same command again: it resumes there. If it is gone for good, remove it "
        "from the inventory, confirm that (ansible-playbook orderly.services.recover -e recover_forget=w1 -e "
        "recover_reason=…), and run the same command again: what is done on other hosts stays done."
    )


# --- What is left ---


def left(done: str = "", selection: Selection = EVERYTHING) -> dict[str, str]:
    return patterns(PLAN, hosts_left(PLAN, progress(done), selection))


def test_plays_run_on_the_hosts_that_are_left_of_them_and_done_ones_on_none() -> None:
    assert left() == {}
    assert left("db/validate@d1") == {"validate-db": "d2"}
    assert left(f"{VALID} db/change@d1") == {"validate-db": "!all", "wave-1": "!all"}


def test_plays_leave_out_what_the_run_is_not_about() -> None:
    only_d2 = left("", Selection(hosts=frozenset({"d2"})))
    assert only_d2 == {
        "validate-db": "d2", "wave-1": "!all", "wave-3": "!all", "wave-4": "!all", "post-upgrade-web": "!all"
    }  # fmt: skip
    assert left("", Selection(only=frozenset({"web"}))) == dict.fromkeys(
        ("validate-db", "wave-1", "wave-2"), "!all"
    )


# --- The end ---


def test_a_plan_is_complete_when_every_part_is_done_on_every_host() -> None:
    complete = f"{WEB} web/post-upgrade@w1 web/post-upgrade@w2"
    assert plays_left(PLAN, progress(complete)) == []
    (last,) = plays_left(PLAN, progress(complete.replace("web/post-upgrade@w2", "")))
    assert last.id == "post-upgrade-web"
    assert plays_left(PLAN, progress()) == list(PLAN.plays)


def prerequisite(selection: Selection, done: str = "") -> str:
    """Give what is said at the start of a run about what it would find missing half way; an empty text for nothing."""
    try:
        check_prerequisites(PLAN, progress(done), selection)
    except GateError as exc:
        return str(exc)
    return ""


def test_a_service_that_comes_first_and_is_not_selected_is_missed_before_anything_runs() -> None:
    assert prerequisite(Selection(only=frozenset({"web"}))) == (
        "web must come after db, which is not among the services of this run and not done on d1, d2. Nothing was "
        "touched. Add what is missing: -e upgrade_only=web,db."
    )
    assert prerequisite(Selection(only=frozenset({"web"})), DB) == ""
    assert prerequisite(Selection(only=frozenset({"db"}))) == ""
    assert prerequisite(EVERYTHING) == ""


def test_a_run_for_some_hosts_does_what_it_can() -> None:
    assert prerequisite(Selection(hosts=frozenset({"d1", "w1"}))) == ""


def test_a_refusal_about_hosts_outside_the_run_does_not_ask_to_fix_them() -> None:
    said = refusal("wave-3", f"{VALID} db/change@d1", Selection(hosts=frozenset({"d1", "w1"})))
    assert "This run is not about d2 (--limit): upgrade what is missing there first" in said


TOGETHER = plan_of(
    deployment("api", "h1 h2", packages=("nova",)),
    deployment("sched", "h2 h3", packages=("nova",), after=("api",)),
)


def test_what_changes_together_waits_for_hosts_of_the_first_alone_and_for_itself_nowhere() -> None:
    on_h2, on_h3 = Selection(hosts=frozenset({"h2"})), Selection(hosts=frozenset({"h3"}))
    known: dict[str, Any] = {"plan": TOGETHER, "batch": "h2 h3"}
    assert "change of api on h1 (wave-1: not begun)" in refusal("wave-2", "", on_h2, **known)
    assert enter("wave-2", "api/change@h1", on_h2, **known) == {"api": "h2", "sched": "h2"}
    assert "change of api on h2" in refusal("wave-3", "api/change@h1", on_h3, **known)
    assert enter("wave-3", "api/change@h1 api/change@h2", on_h3, **known) == {"sched": "h3"}


def test_a_play_is_refused_on_hosts_whose_places_are_in_others_by_now() -> None:
    seated = PLAN.seated({"d1": "d2", "d2": "d1"})
    with pytest.raises(GateError) as caught:
        check_places(seated, seated.play("wave-1"), progress(VALID), EVERYTHING, ["d1"])
    assert str(caught.value) == (
        "Wave 1 is refused; nothing in it was touched: hosts have changed places by rank (d1 is in Wave 2), and this "
        "run does not know that. Run the same command again, without --start-at-task: it resumes there."
    )


@pytest.mark.parametrize(
    ("play", "done", "batch"),
    [("wave-1", VALID, "d2"), ("wave-1", f"{VALID} db/change@d1", "d1"), ("validate-db", "", "d1 d2")],
)
def test_a_play_on_hosts_that_have_their_places_there_or_nothing_left_is_not(
    play: str, done: str, batch: str
) -> None:
    seated = PLAN.seated({"d1": "d2", "d2": "d1"})
    check_places(seated, seated.play(play), progress(done), EVERYTHING, batch.split())
