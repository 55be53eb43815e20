"""What the policy-rc.d script answers, and what it writes down; the script is run for real."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, Host
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

USUAL = ["stop", "restart", "try-restart"]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host on which alpha runs and must not be restarted, and gamma runs and may."""
    host = Host(tmp_path)
    host.block(alpha__service=USUAL)
    host.run("alpha.service", "gamma.service")
    return host


# --- The answer ---

QUESTIONS = [
    (["alpha", "restart", "5"], DENIED),
    (["alpha.service", "restart"], DENIED),
    (["alpha.sh", "restart"], DENIED),
    (["alpha", "stop"], DENIED),
    (["alpha", "try-restart"], DENIED),
    (["alpha", "condrestart"], DENIED),
    (["alpha", "restart stop"], DENIED),
    (["alpha", "status restart"], DENIED),
    (["alpha", "force-stop"], DENIED),
    (["alpha", "force-restart"], DENIED),
    (["alpha", "force-reload"], DENIED),
    (["alpha", "reload-or-restart"], DENIED),
    (["alpha", "upgrade"], DENIED),
    (["--quiet", "alpha", "restart", "5"], DENIED),
    (["--quiet", "--other", "alpha", "restart"], DENIED),
    (["alpha", "start"], ALLOWED),
    (["alpha", "reload"], ALLOWED),
    (["alpha", "rotate"], ALLOWED),
    (["--quiet", "alpha", "status", "5"], ALLOWED),
    (["alpha.socket", "restart"], ALLOWED),
    (["alphabet", "restart"], ALLOWED),
    (["my.alpha-broker", "restart"], ALLOWED),
    (["gamma", "restart"], ALLOWED),
    (["gamma", "(start)"], DENIED),
    (["gamma", "(restart)", "5"], DENIED),
    (["alpha", "(try-restart)"], DENIED),
    (["alpha"], ALLOWED),
    ([], ALLOWED),
    (["--list"], ALLOWED),
    (["--list", "alpha"], ALLOWED),
    (["", ""], ALLOWED),
]


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_answers_the_question(host: Host, question: list[str], answer: int) -> None:
    assert host.ask(*question) == answer
    assert host.said == "" or question[0] == "--list"


LISTED_AND_ASKED = [  # in ways that only packages ask; the rest is in tests/deferral_cases.py
    ("postgresql@", "postgresql@15-main", DENIED),
    ("postgresql@15-main", "postgresql@15-*.service", DENIED),
    ("postgresql@15-main", "postgresql@16-main.service", ALLOWED),
    ("a\\x2db.service", "ax2db.service", DENIED),
    ("omega", "alpha.service", DENIED),
    ("alpha", "omega.service", DENIED),
    ("postgresql", "postgresql.socket", ALLOWED),
]


@pytest.mark.parametrize(("listed", "asked", "answer"), LISTED_AND_ASKED)
def test_knows_a_unit_under_all_its_names(host: Host, listed: str, asked: str, answer: int) -> None:
    host.alias("omega.service", "alpha.service")
    host.policy("other", yaml.dump({"blocked_actions": {listed: USUAL}}))
    host.policy("ansible-test", "blocked_actions: {}\n")
    assert host.ask(asked, "restart") == answer


def test_one_action_of_several_policies_is_enough(host: Host) -> None:
    host.policy(
        "zz", "blocked_actions: {gamma: [reload]}\npolicy_requestor_name: zz\npolicy_requestor_type: t\n"
    )
    assert host.ask("gamma", "reload") == DENIED
    assert host.ask("alpha", "restart") == DENIED


# --- Failing closed ---


def test_a_broken_policy_of_one_owner_does_not_free_what_another_blocks(host: Host) -> None:
    host.policy("broken", "\0")
    assert host.ask("alpha", "restart") == DENIED


def test_a_removed_policy_frees_its_units(host: Host) -> None:
    host.ask("alpha", "restart")
    (host.root / "etc/policy-rc.d/ansible-test.policy").unlink()
    assert host.ask("alpha", "restart") == ALLOWED


def test_a_policy_that_changes_is_read_again(host: Host) -> None:
    host.let_files_grow_old()
    assert host.ask("alpha", "restart") == DENIED
    assert host.ask("alpha", "restart") == DENIED
    host.block(gamma__service=USUAL)
    assert host.ask("alpha", "restart") == ALLOWED
    assert host.ask("gamma", "restart") == DENIED


WITHOUT_PERL = [
    (["--quiet", "alpha", "restart", "5"], DENIED),
    (["alpha.service", "restart"], DENIED),
    (["alpha@1.service", "restart"], DENIED),
    (["alpha", "status stop"], DENIED),
    (["alpha", "force-reload"], DENIED),
    (["gamma", "(start)"], DENIED),
    (["alpha", "start"], ALLOWED),
    (["alpha", "reload"], ALLOWED),
    (["gamma", "restart"], ALLOWED),
    (["alphabet", "restart"], ALLOWED),
]


@pytest.mark.parametrize(("question", "answer"), WITHOUT_PERL)
def test_without_perl_the_last_known_list_decides(host: Host, question: list[str], answer: int) -> None:
    host.ask("--list")
    host.without_perl()
    assert host.ask(*question) == answer
    assert "Perl could not decide" in (host.root / "run/orderly/policy.trouble").read_text()


def test_without_perl_the_restart_is_recorded_all_the_same(host: Host) -> None:
    host.ask("--list")
    host.without_perl()
    host.ask("alpha", "restart")
    record = host.records()["alpha.service"]
    assert record["action"] == "restart"
    assert record["reason"] == "Package update"
    assert record["invocation_id"] == "1" * 32 or record["invocation_id"] == int("1" * 32)


def test_without_perl_and_without_knowledge_nothing_fails(host: Host) -> None:
    host.without_perl()
    assert host.ask("alpha", "restart") == ALLOWED
    assert host.ask() == ALLOWED


def test_where_the_records_cannot_be_written_they_go_to_run(host: Host) -> None:
    (host.root / "var/lib/policy-rc.d").write_text("in the way")
    assert host.ask("alpha", "restart") == DENIED
    assert "alpha.service" in host.records("run/policy-rc.d")


def test_two_hundred_concurrent_calls_are_all_denied_and_counted(host: Host) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: host.ask("alpha", "restart"), range(200)))
    assert set(answers) == {DENIED}
    assert host.records()["alpha.service"]["count"] == 200


# --- Who asks ---


def test_every_unit_of_a_call_is_recorded(host: Host) -> None:
    host.block(alpha__service=USUAL, beta__service=USUAL)
    host.run("beta.service")
    assert (
        host.deb_systemd_invoke("restart", "gamma.service", "alpha.service", "beta.service", "delta.service")
        == 0
    )
    records = host.records()
    collateral = {unit: record["collateral"] for unit, record in records.items()}
    assert collateral == {
        "alpha.service": False,
        "beta.service": False,
        "gamma.service": True,
        "delta.service": True,  # does not run, but restart would have started it
    }


def test_an_escaped_name_that_the_shell_mangled_is_recorded_whole(host: Host) -> None:
    host.block(**{"a\\x2db__service": USUAL})
    host.run("a\\x2db.service")
    assert host.deb_systemd_invoke("restart", "a\\x2db.service") == 0
    assert list(host.records()) == ["a\\x2db.service"]


def test_a_pattern_records_the_units_that_run(host: Host) -> None:
    host.block(postgresql=USUAL)
    host.run("postgresql@15-main.service", "postgresql@15-other.service")
    assert host.deb_systemd_invoke("restart", "postgresql@15-*.service") == 0
    assert sorted(host.records()) == ["postgresql@15-main.service", "postgresql@15-other.service"]


def test_an_alias_is_recorded_as_the_unit(host: Host) -> None:
    host.alias("omega.service", "alpha.service")
    host.ask("omega.service", "restart")
    assert list(host.records()) == ["alpha.service"]


def test_names_that_units_get_or_lose_later_count(host: Host) -> None:
    host.block(alpha__service=USUAL)
    host.alias("omega.service", "alpha.service")
    host.let_files_grow_old()
    assert host.ask("omega", "restart") == DENIED
    assert "omega.service\talpha.service" in (host.root / "run/orderly/units.links").read_text()
    host.alias("sigma.service", "omega.service")
    assert host.ask("sigma", "restart") == DENIED
    (host.root / "etc/systemd/system/omega.service").unlink()
    assert host.ask("omega", "restart") == ALLOWED


def test_units_of_users_are_left_alone(host: Host) -> None:
    assert host.deb_systemd_invoke("--user", "restart", "alpha.service") == 1
    assert host.records() == {}


@pytest.mark.parametrize("option", ["--query", "--force"])
def test_a_question_without_consequence_leaves_no_record(host: Host, option: str) -> None:
    assert host.invoke_rc_d(option, "alpha", "restart") == DENIED
    assert host.records() == {}


MAINTAINER_SCRIPTS = [
    ("prerm", "remove", "stop", ALLOWED),
    ("prerm", "remove in-favour other 2.0", "stop", DENIED),
    ("prerm", "remove", "restart", DENIED),
    ("prerm", "upgrade 2.0", "stop", DENIED),
    ("prerm", "deconfigure in-favour other 2.0", "stop", DENIED),
    ("preinst", "upgrade 1.0", "stop", DENIED),
    ("postinst", "configure 1.0", "restart", DENIED),
    ("postinst", "configure 1.0", "start", ALLOWED),
    ("postinst", "remove", "stop", DENIED),
]


@pytest.mark.parametrize(("script", "arguments", "action", "answer"), MAINTAINER_SCRIPTS)
def test_a_removal_may_stop_and_an_upgrade_may_not(
    host: Host, script: str, arguments: str, action: str, answer: int
) -> None:
    assert host.maintainer_script(script, arguments, f"invoke-rc.d alpha {action}") == answer


def chain(host: Host, text: str) -> str:
    """Let a script of others be asked first; gives its path."""
    chained = host.root / "usr/lib/orderly/policy-rc.d.chained"
    chained.write_text(f"#!/bin/sh\n{text}\n")
    chained.chmod(0o755)
    return str(chained)


def test_a_foreign_script_is_asked_first(host: Host) -> None:
    chain(host, 'echo noise\n[ "$1" = gamma ] && exit 101\nexit 104')
    assert host.ask("gamma", "restart") == DENIED
    assert host.ask("delta", "restart") == ALLOWED
    assert host.ask("alpha", "restart") == DENIED
    assert host.said == ""


CHAINED_ANSWERS = [
    *((f"exit {code}", ALLOWED) for code in (0, 104, 105)),
    *((f"exit {code}", DENIED) for code in (1, 2, 100, 101, 102, 103, 106, 126, 127, 255)),
    ("kill -9 $$", DENIED),
    ("exec /nonexistent", DENIED),
]


@pytest.mark.parametrize("with_perl", [True, False])
@pytest.mark.parametrize(("text", "answer"), CHAINED_ANSWERS)
def test_what_a_foreign_script_does_not_allow_is_denied_and_on_record(
    host: Host, text: str, answer: int, *, with_perl: bool
) -> None:
    chained = chain(host, text)
    if not with_perl:
        host.without_perl()
    host.run("gamma.service")
    assert host.ask("gamma", "restart", "5") == answer
    denied = [{"chained": chained}] if answer == DENIED else []
    told = host.records().values()
    assert [{each["policy_requestor_type"]: each["policy_requestor_name"]} for each in told] == denied
    assert [(each["service"], each["action"], each["reason"]) for each in told] == [
        ("gamma.service", "restart", "Package update")
    ] * len(denied)


def test_a_foreign_script_is_named_by_what_it_is(host: Host) -> None:
    (host.root / "usr/lib/orderly/policy-rc.d.chained").symlink_to("/bin/false")
    host.run("gamma.service")
    assert host.invoke_rc_d("gamma", "restart") == DENIED
    assert host.records()["gamma.service"]["policy_requestor_name"] == "/bin/false"


@pytest.mark.parametrize("action", ["start", "rotate", "status", "(restart)"])
@pytest.mark.parametrize("with_perl", [True, False])
def test_nothing_waits_for_what_needs_no_restart(host: Host, action: str, *, with_perl: bool) -> None:
    chain(host, "exit 101")
    if not with_perl:
        host.without_perl()
    host.run("gamma.service")
    assert host.ask("gamma", action) == DENIED
    assert host.records() == {}


def test_a_foreign_script_is_asked_about_every_unit_of_a_call(host: Host) -> None:
    chained = chain(host, "case $1 in gamma* | delta*) exit 101 ;; esac")
    host.run("gamma.service", "delta.service", "beta.service")
    assert host.deb_systemd_invoke("restart", "gamma.service", "delta.service", "beta.service") == ALLOWED
    assert {unit: each["collateral"] for unit, each in host.records().items()} == {
        "gamma.service": False,
        "delta.service": False,
        "beta.service": True,
    }
    assert {each["policy_requestor_name"] for each in host.records().values()} == {chained}


def test_what_a_foreign_script_denies_is_not_made_up_for_behind_its_back(host: Host) -> None:
    host.block(alpha=["restart"])
    host.run("alpha.service", "beta.service")
    (host.root / "run/systemd/system").mkdir(parents=True)
    host.systemctl(f'case $2 in restart) echo "$4" >>{host.root}/restarted ;; esac')
    assert host.deb_systemd_invoke("restart", "alpha.service", "beta.service") == ALLOWED
    chain(host, "case $1 in beta*) exit 106 ;; esac")
    assert host.ask("--restart-collateral") == ALLOWED
    assert not (host.root / "restarted").exists()
    chain(host, "exit 0")
    assert host.ask("--restart-collateral") == ALLOWED
    assert (host.root / "restarted").read_text() == "beta.service\n"


def test_the_list_says_that_a_foreign_script_is_asked_too(host: Host) -> None:
    chained = chain(host, '[ "$1" = --list ] || exit 101')
    host.ask("--list")
    assert f"What {chained} denies is denied too.\n" in host.said


def test_a_chain_that_leads_back_is_not_followed(host: Host) -> None:
    (host.root / "usr/lib/orderly/policy-rc.d.chained").symlink_to(host.script)
    assert host.ask("gamma", "restart") == ALLOWED


@pytest.mark.parametrize("name", ["PERL5OPT", "PERL5LIB"])
def test_the_environment_of_the_caller_does_not_matter(host: Host, name: str) -> None:
    assert host.ask("alpha", "restart", env={name: "-Mnonexistent"}) == DENIED
    assert host.complained == ""


# --- Records ---

COMMON_KEYS = {"action", "policy_requestor_name", "policy_requestor_type", "reason", "service", "timestamp"}


def test_a_record_says_who_wanted_what_and_who_did_not(host: Host) -> None:
    host.maintainer_script("postinst", "configure 1.0-1", "deb-systemd-invoke restart alpha.service")
    (file,) = (host.root / "var/lib/policy-rc.d").glob("*.deferred")
    assert file.name == "ansible-test-alpha.service.deferred"
    record = yaml.safe_load(file.read_text())
    assert set(record) > COMMON_KEYS
    assert isinstance(record["timestamp"], int)
    assert record["reason"] == "Package update"
    assert record["package"] == "demo"
    assert record["package_before"] == "1.0-1"
    assert record["maintainer_script"] == "postinst configure 1.0-1"
    assert record["policy_requestor_type"] == "ansible"
    assert record["policy_requestor_name"] == "test"
    assert record["service"] == "alpha.service"


def test_repetitions_are_counted_in_one_record(host: Host) -> None:
    host.ask("alpha", "stop")
    first = host.records()["alpha.service"]
    host.ask("alpha", "restart", "5")
    again = host.records()["alpha.service"]
    assert len(host.records()) == 1
    assert again["count"] == 2
    assert again["actions"] == ["restart", "stop"]
    assert again["first_timestamp"] == first["first_timestamp"]


def test_after_a_restart_the_record_begins_anew(host: Host) -> None:
    host.ask("alpha", "restart")
    host.run("alpha.service", invocation="2" * 32)
    host.ask("alpha", "stop")
    record = host.records()["alpha.service"]
    assert record["count"] == 1
    assert record["actions"] == ["stop"]


def test_what_does_not_run_is_denied_without_a_record(host: Host) -> None:
    host.block(idle=USUAL)
    assert host.ask("idle", "restart") == DENIED
    assert host.records() == {}


def test_each_requestor_has_its_own_record(host: Host) -> None:
    host.policy(
        "charm-x",
        "blocked_actions: {alpha: [restart]}\npolicy_requestor_name: x\npolicy_requestor_type: charm\n",
    )
    host.ask("alpha", "restart")
    files = {file.name for file in (host.root / "var/lib/policy-rc.d").glob("*.deferred")}
    assert files == {"ansible-test-alpha.service.deferred", "charm-x-alpha.service.deferred"}


def test_names_of_requestors_cannot_leave_the_folder_or_break_the_record(host: Host) -> None:
    evil = "../../x\nservice: other"
    who = {"policy_requestor_type": "t", "policy_requestor_name": evil}
    host.policy("ansible-test", yaml.dump({"blocked_actions": {"alpha": ["restart"]}, **who}))
    host.ask("alpha", "restart")
    (file,) = (host.root / "var/lib/policy-rc.d").glob("*.deferred")
    record = yaml.safe_load(file.read_text())
    assert record["service"] == "alpha.service"
    assert record["policy_requestor_name"] == evil.replace("\n", " ")


def test_a_record_that_is_a_link_is_not_followed(host: Host) -> None:
    target = host.root / "precious"
    target.write_text("count: 7\n")
    (host.root / "var/lib/policy-rc.d").mkdir()
    (host.root / "var/lib/policy-rc.d/ansible-test-alpha.service.deferred").symlink_to(target)
    assert host.ask("alpha", "restart") == DENIED
    assert target.read_text() == "count: 7\n"
    assert host.records()["alpha.service"]["count"] == 1


def test_list_says_what_is_blocked_and_by_whom(host: Host) -> None:
    host.ask("--list")
    assert "ansible test" in host.said
    assert "alpha.service: restart stop try-restart" in host.said.splitlines()[1]


def test_list_says_that_nothing_is_blocked(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert host.ask("--list") == ALLOWED
    assert host.said == "No policy blocks anything.\n"


# --- Anything at all ---

words = st.one_of(
    st.sampled_from(
        ["alpha", "alpha.service", "restart", "stop", "--quiet", "(restart)", "--list", "force-reload x", "5"]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.lists(
        st.sampled_from(["blocked_actions:", "  alpha:", "  - restart", "\n", "[", "{", "'", '"', ": ", "#"]),
        max_size=20,
    ).map("".join),
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(question=st.lists(words, max_size=4))
def test_no_question_gets_any_other_answer_than_yes_or_no(host: Host, question: list[str]) -> None:
    assert host.ask(*question) in (ALLOWED, DENIED)


@quick
@given(text=texts)
def test_no_policy_of_somebody_else_frees_a_listed_unit(host: Host, text: str) -> None:
    (host.root / "etc/policy-rc.d/fuzz.policy").write_bytes(text.encode())
    assert host.ask("alpha", "restart") == DENIED
    assert host.ask("gamma", "status") == ALLOWED


def test_a_unit_that_is_called_like_what_parts_the_known_policies_takes_nothing_from_others(
    host: Host,
) -> None:
    host.policy("aa", 'blocked_actions: {"=": [restart], gamma: [restart]}\n')
    host.policy("zz", "blocked_actions: {beta: [restart]}\n")
    host.let_files_grow_old()
    for _time in range(2):  # as it is written, and as it is known then
        assert [host.ask(unit, "restart") for unit in ("beta", "gamma", "delta")] == [DENIED, DENIED, ALLOWED]
