"""The rules that the script shares with the modules, played with the real script (see ``deferral_cases.py``)."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy_files import PolicyFolder
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import parse_record
from ansible_collections.orderly.services.plugins.module_utils._deferral.verdict import blocked_by
from ansible_collections.orderly.services.plugins.module_utils._host.files import boot_id
from ansible_collections.orderly.services.tests import deferral_cases as cases
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, Host
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    Verdicts = Mapping[str, Mapping[str, str]]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host on which alpha runs."""
    host = Host(tmp_path)
    host.run("alpha.service")
    return host


def write_policy(host: Host, text: str) -> None:
    (host.root / "etc/policy-rc.d" / cases.FILE).write_bytes(text.encode())


def block(host: Host, unit: str, *actions: str, kind: str = "ansible", name: str = "test") -> None:
    who = {"policy_requestor_type": kind, "policy_requestor_name": name}
    write_policy(host, json.dumps({"blocked_actions": {unit: actions}, **who}))


def said_by_script(host: Host) -> Verdicts:
    """Ask who denies what on each unit."""
    answers = {}
    for unit in cases.UNITS:
        assert (host.ask("--list", unit), host.complained) == (ALLOWED, "")
        denied = dict(re.findall(r" (\S+): denied by (.*), no fallback\n", host.said))
        answers[unit] = {action: denied[action] for action in cases.ACTIONS if action in denied}
    return answers


def said_by_python(host: Host) -> Verdicts:
    """Ask the modules the same about the same host."""
    policies = {unit: PolicyFolder(host.root).effective([unit]) for unit in cases.UNITS}
    found = {
        unit: {action: blocked_by(policies[unit], action, [unit]) for action in cases.ACTIONS}
        for unit in cases.UNITS
    }
    return {
        unit: {action: ", ".join(map(str, by)) for action, by in actions.items() if by}
        for unit, actions in found.items()
    }


def expected(case: cases.PolicyCase | cases.BrokenCase) -> Verdicts:
    return {unit: dict.fromkeys(case.blocked.get(unit, "").split(), case.requestor) for unit in cases.UNITS}


# --- Which units a listed name means ---


@pytest.mark.parametrize(("listed", "unit", "is_covered"), cases.LISTED_UNIT_COVERED)
def test_a_listed_name_means_the_same_units(host: Host, listed: str, unit: str, *, is_covered: bool) -> None:
    block(host, listed, "restart")
    assert host.ask(unit, "restart") == (DENIED if is_covered else ALLOWED)


# Without Perl more may be denied, but no less; the pattern that the shell does not know is not the usual one.
WITHOUT_PERL = [
    (listed, unit)
    for listed, unit, is_covered in cases.LISTED_UNIT_COVERED
    if is_covered and "[^" not in listed
]


@pytest.mark.parametrize(("listed", "unit"), WITHOUT_PERL)
def test_without_perl_it_means_no_fewer(host: Host, listed: str, unit: str) -> None:
    block(host, listed, "restart")
    host.ask("--list")
    host.without_perl()
    assert host.ask(unit, "restart") == DENIED


# --- What a policy says ---


@pytest.mark.parametrize("case", cases.POLICIES, ids=lambda case: case.text)
def test_a_policy_says_the_same(host: Host, case: cases.PolicyCase) -> None:
    write_policy(host, case.text)
    assert said_by_script(host) == said_by_python(host) == expected(case)


ODD_UNITS = [
    *cases.UNITS,
    "alpha",
    "alpha@",
    "beta.socket",
    "al*",
    "yes",
    "a: b",
    "\u00e9",
    "#x",
    "- a",
    "b'c",
    'd"e',
    "x y",
]
actions = st.sampled_from([*cases.ACTIONS, "rotate"])
entries = st.one_of(
    st.none(), actions, st.lists(actions, max_size=4), st.lists(actions, max_size=3).map(", ".join)
)
layouts = st.fixed_dictionaries({
    "default_flow_style": st.sampled_from([None, True, False]),
    "default_style": st.sampled_from([None, "'", '"']),
    "width": st.sampled_from([5, 80]),
    "allow_unicode": st.booleans(),
})  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    blocked=st.dictionaries(st.sampled_from(ODD_UNITS), entries, max_size=5),
    name=st.sampled_from(ODD_UNITS),
    layout=layouts,
)
def test_whatever_pyyaml_writes_says_the_same(
    host: Host, blocked: dict[str, object], name: str, layout: dict[str, Any]
) -> None:
    write_policy(host, yaml.dump({"blocked_actions": blocked, "policy_requestor_name": name}, **layout))
    assert said_by_script(host) == said_by_python(host)


@pytest.mark.parametrize("case", cases.BROKEN, ids=lambda case: case.text[:50])
def test_a_broken_policy_blocks_the_same(host: Host, case: cases.BrokenCase) -> None:
    if case.before:
        write_policy(host, case.before)
        host.ask("--list")
    write_policy(host, case.text)
    assert said_by_script(host) == said_by_python(host) == expected(case)


def test_a_folder_that_is_gone_blocks_the_same(host: Host) -> None:
    block(host, "alpha", "restart")
    host.ask("--list")
    (host.root / "etc/policy-rc.d").rename(host.root / "etc/elsewhere")
    assert said_by_script(host) == said_by_python(host)
    assert said_by_python(host)["alpha.service"] == {"restart": "ansible test"}


NO_POLICIES = [".hidden.policy", "other.policy.dpkg-old", "tab\t.policy"]


@pytest.mark.parametrize("name", NO_POLICIES)
def test_a_file_of_another_name_is_no_policy(host: Host, name: str) -> None:
    block(host, "alpha", "restart")
    (host.root / "etc/policy-rc.d" / cases.FILE).rename(host.root / "etc/policy-rc.d" / name)
    assert said_by_script(host) == said_by_python(host) == {unit: {} for unit in cases.UNITS}


# --- Records ---


@pytest.mark.parametrize(("actions", "effect"), cases.ACTIONS_AND_EFFECT)
def test_actions_come_down_to_the_same(host: Host, actions: tuple[str, ...], effect: str) -> None:
    block(host, "alpha", *actions)
    host.ask("alpha", " ".join(actions))
    assert host.records()["alpha.service"]["action"] == effect


@pytest.mark.parametrize(("kind", "name", "unit", "file"), cases.REQUESTOR_UNIT_FILE)
def test_a_record_goes_into_the_same_file(host: Host, kind: str, name: str, unit: str, file: str) -> None:
    host.run(unit)
    block(host, unit, "restart", kind=kind, name=name)
    assert host.ask(unit, "restart") == DENIED
    (path,) = (host.root / "var/lib/policy-rc.d").iterdir()
    assert path.name == file
    assert parse_record(path.read_text(), "").requestor == Requestor(kind, name)


@pytest.mark.parametrize(("changes", "goes_on"), cases.CHANGES_AND_GOES_ON)
def test_a_record_goes_on_for_as_long(host: Host, changes: dict[str, str], *, goes_on: bool) -> None:
    program = os.stat("/proc/self/exe")
    group = host.root / "sys/fs/cgroup/system.slice/alpha.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(f"{os.getpid()}\n")
    file = host.root / "var/lib/policy-rc.d/ansible-test-alpha.service.deferred"
    file.parent.mkdir()
    file.write_text(cases.record_text(changes, boot_id(), f"{program.st_dev}:{program.st_ino}"))
    block(host, "alpha", "restart", "reload")
    host.ask("alpha", changes.get("action", "restart"))
    assert host.records()["alpha.service"]["count"] == (8 if goes_on else 1)


@pytest.mark.parametrize(("text", "written"), cases.TEXT_AND_YAML)
def test_a_text_is_written_the_same(host: Host, text: str, written: str) -> None:
    block(host, "alpha", "restart")
    host.ask("alpha", "restart", env={"DPKG_MAINTSCRIPT_PACKAGE": text})
    (file,) = (host.root / "var/lib/policy-rc.d").iterdir()
    assert f"\npackage: {written}\npackage_before: " in file.read_text()
