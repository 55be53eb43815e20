"""What reads the answers of hosts in the process of ansible-playbook, with thousands of answers that nobody expects."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.versions import BEFORE, VersionRecord
from ansible_collections.orderly.services.plugins.plugin_utils._common.answers import (
    DEEPEST,
    outsized,
    unreadable,
)
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposal import Fleet as Sightings
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposal import propose
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposal_text import as_yaml
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.sightings import (
    RUNNING,
    read_sighting,
)
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import (
    Survey,
    drift_of_versions,
    readable,
)
from ansible_collections.orderly.services.plugins.plugin_utils._report.deferred_summary import RunSummary
from ansible_collections.orderly.services.plugins.plugin_utils._report.progress import (
    GATE,
    LOCK,
    Batch,
    Heard,
    Progress,
    State,
    believed,
)
from ansible_collections.orderly.services.plugins.plugin_utils._report.status_table import FleetStatus
from ansible_collections.orderly.services.plugins.plugin_utils._roll.survey import read_survey
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore
from ansible_collections.orderly.services.tests.hostile.answers import (
    OTHERS,
    TERMINAL,
    USUAL,
    as_text,
    mutated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWERS = int(os.environ.get("FUZZ") or 300)
MEMBERS = {"web": frozenset({"evil", "good"}), "db": frozenset({"good"})}
STATUS, VERSIONS = USUAL["deferred_restarts_info"], USUAL["package_versions_info"]
SURVEY = Survey.of({"good": VERSIONS, "evil": VERSIONS}, {"web": MEMBERS["web"]})


def answers(module: str, number: int = ANSWERS) -> Iterator[dict[str, Any]]:
    """Give answers as Ansible hands them on: those that are no JSON, or no mapping, never come so far."""
    for seed in range(number):
        words = random.Random(seed)  # noqa: S311
        try:
            told = json.loads(as_text(words, mutated(words, module, "/nowhere")).decode(errors="replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict):
            yield told


def is_harmless(line: str) -> bool:
    return line.isprintable() and len(line) < 20_000


def test_the_table_stands_whatever_one_host_answers() -> None:
    alone = FleetStatus.of({"good": STATUS})
    for told in answers("deferred_restarts_info"):
        status = FleetStatus.of({"good": STATUS, "evil": told})
        lines = status.as_lines()
        assert all(map(is_harmless, lines)), told
        assert [row for row in status.rows if row.host == "good"] == alone.rows
        plain = json.loads(
            json.dumps(status.as_dict(), allow_nan=False), parse_constant=lambda _name: pytest.fail("NaN")
        )
        assert plain["hosts"]["good"] == {key: STATUS[key] for key in STATUS.keys() - {"services", "down"}}
        assert ("evil" in plain["hosts"]) != ("evil" in plain["not_checked"])


def test_what_is_proposed_is_an_inventory_whatever_one_host_answers() -> None:
    for told in answers("running_services_info"):
        survey = read_survey({"good": USUAL["running_services_info"], "evil": told}, RUNNING, {})
        fleet = {host: read_sighting(answer) for host, answer in survey.answers.items()}
        text = as_yaml(propose(Sightings(fleet, (), {"all": ["good", "evil"]})), len(fleet))
        assert all(map(is_harmless, text.splitlines())), told
        proposed = yaml.safe_load(text)["all"]
        assert proposed["vars"]["orderly_services"]["web"]["units"][0] == "web.service"
        assert "good" in proposed["children"]["web"]["hosts"]


def test_versions_that_are_none_are_no_answer() -> None:
    for told in answers("package_versions_info"):
        read = readable({"good": VERSIONS, "evil": told}, MEMBERS)
        survey = Survey.of({"good": VERSIONS, "evil": told}, MEMBERS)
        drift = drift_of_versions(SURVEY, read)
        assert all(map(is_harmless, drift))
        assert all(line.startswith("evil could not be queried") or line.endswith("(evil)") for line in drift)
        assert survey.by_host("web")["good"] == VERSIONS["services"]["web"]
        assert set(read["evil"].get("services", {})) <= {"web"}  # the only service that it is a member of
        assert json.dumps(survey.as_data(), allow_nan=False)


def test_the_store_keeps_no_more_than_versions_of_services(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    record = VersionRecord(store, "friday")
    for told in answers("package_versions_info", 100):
        record.keep(BEFORE, readable({"evil": told}, MEMBERS))
    assert set(record.read(BEFORE)) <= {"web"}
    store.close()


@pytest.mark.parametrize("module", ["command", "deferred_restarts_info", "restart_services"])
def test_no_answer_of_a_host_is_heard_as_one_of_the_lock(module: str) -> None:
    progress = Progress()
    progress.play(Batch("wave", 1, 1, frozenset({"evil", "good1"}), planned=frozenset({"evil", "good1"})), 0)
    granted = {"granted": True, "slots": {"evil": ["web"], "good1": ["web"]}}
    progress.hear(Heard("evil", "lock", "", believed(LOCK, granted)), 1, "")
    before = progress.report()
    for told in answers(module):
        lines = progress.hear(
            Heard("evil", "work", "", believed(f"orderly.services.{module}", told), State.FAILED), 2, ""
        )
        assert lines == []
        assert progress.report() == before
    assert all(is_harmless(line) for line in [*progress.end(3), *progress.summary("again")])


def test_the_last_line_of_a_run_counts_what_it_can_read() -> None:
    for told in answers("deferred_restarts_info"):
        summary = RunSummary()
        summary.learn("good", STATUS)
        summary.learn("evil", told)
        line = summary.line()
        assert is_harmless(line)
        assert "web on good" in line or "web on evil" in line


# --- One by one ---


@pytest.mark.parametrize("key", ["done", "slots"])
def test_only_actions_of_ours_tell_of_slots(key: str) -> None:
    assert believed("ansible.builtin.command", {key: OTHERS}) == {}
    assert believed("orderly.services.restart_services", {key: OTHERS}) == {}
    assert believed(GATE, {key: OTHERS}) == {key: OTHERS}


def test_only_group_by_lets_others_go_first() -> None:
    assert believed("ansible.builtin.command", {"add_group": "orderly_again"}) == {}
    assert believed("ansible.builtin.group_by", {"add_group": "orderly_again"}) == {
        "add_group": "orderly_again"
    }


def test_of_a_task_with_no_log_nothing_is_repeated() -> None:
    told = {"msg": "s3cr3t", "stderr": "s3cr3t", "changed": True}
    assert believed("ansible.builtin.command", told, is_secret=True) == {"changed": True}


def test_a_refusal_that_quotes_a_host_is_printable() -> None:
    progress = Progress()
    progress.play(Batch("wave", 1, 1, frozenset({"w"}), planned=frozenset({"w"})), 0)
    told = {"granted": False, "msg": f"w failed ({TERMINAL})\nSecond line"}
    progress.hear(Heard("w", "lock", "", believed(LOCK, told), State.FAILED), 1, "")
    assert all(line.isprintable() for said in progress.summary("again") for line in said.splitlines())


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"pending": [{**STATUS["pending"][0], "unit": None}]}, "pending[0].unit is not text"),
        ({"not_checked": {TERMINAL: 1}}, r"not_checked.\x1b]0;owned\x07\x1b[2J\x9b31m\u202e is not text"),
        ({"pending": "all"}, "pending is not a list"),
    ],
)
def test_the_row_of_a_host_says_what_cannot_be_read(odd: dict[str, Any], why: str) -> None:
    status = FleetStatus.of({"good": STATUS, "evil": {**STATUS, **odd}})
    assert status.not_checked == {"evil": f"its answer cannot be read ({why})"}
    assert list(status.checked) == ["good"]


def test_one_host_cannot_make_the_table_endless() -> None:
    many = {**STATUS, "pending": STATUS["pending"] * 5000, "trouble": ["x"] * 5000, "outdated": ["y"] * 5000}
    lines = FleetStatus.of({"good": STATUS, "evil": many}).as_lines()
    assert len(lines) < 300
    assert next(line.split()[:4] for line in lines if "more" in line) == ["evil", "and", "4806", "more"]


def deep(levels: int) -> Any:
    value: Any = 1
    for _level in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (deep(DEEPEST + 1), "it is nested more than 30 deep"),
        ({"a": float("nan")}, "it has a number that is none, or too big"),
        ({"a": 10**30}, "it has a number that is none, or too big"),
        (["x" * 5_000_000], "it has more than 4000000 characters"),
        ([[1] * 500] * 500, "it has more than 200000 values"),
        ({"a": [1, "b", None, 2.5]}, ""),
    ],
)
def test_an_answer_has_an_end_in_every_direction(odd: Any, why: str) -> None:
    assert outsized(odd) == why


@pytest.mark.parametrize("name", ["web; id", "../x", TERMINAL, "W", "x" * 300])
def test_names_of_packages_are_names(name: str) -> None:
    told = {"services": {"web": {name: {"installed": "1", "candidate": "2"}}}}
    assert "is no name of a package" in readable({"evil": told}, MEMBERS)["evil"]["msg"]


@pytest.mark.parametrize("version", ["1 2", "<b>", TERMINAL, "9" * 5000, "1:"])
def test_versions_of_packages_are_versions(version: str) -> None:
    told = {"services": {"web": {"web": {"installed": "1", "candidate": version}}}}
    assert "is no version of a package" in readable({"evil": told}, MEMBERS)["evil"]["msg"]


def test_what_is_read_needs_no_more_than_its_shape() -> None:
    assert unreadable({"a": "b", "more": [1]}, {"a": str}) == ""
