from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.constants import DEFAULT_HOST_LIST
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv
from ansible_collections.orderly.services.plugins.plugin_utils._common.shell import (
    extra,
    left_out,
    playbook,
    without,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("web,db", "-e upgrade_confirm=web,db"),
        ("a b", """-e '{"upgrade_confirm": "a b"}'"""),
        ("$(id)", """-e '{"upgrade_confirm": "$(id)"}'"""),
    ],
)
def test_a_variable_is_given_in_the_shortest_way_that_means_it(value: str, shown: str) -> None:
    assert extra("upgrade_confirm", value) == shown


@given(st.text())
def test_what_is_typed_sets_the_variable_to_the_text(value: str) -> None:
    option, given = shlex.split(extra("name", value))
    read = DataLoader().load(given) if given.startswith("{") else parse_kv(given)
    assert (option, read) == ("-e", {"name": value})


def test_hosts_are_left_out_by_their_names() -> None:
    assert without(["w1"]) == "--limit '!w1'"
    assert shlex.split(without(["o'brien", "w2"])) == ["--limit", "!o'brien,!w2"]
    assert without(["w*"]) == "--limit"


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({}, "ansible-playbook orderly.services.recover -e a=1"),
        ({"inventory": DEFAULT_HOST_LIST}, "ansible-playbook orderly.services.recover -e a=1"),
        (
            {"inventory": ["/srv/hosts.yml"]},
            "ansible-playbook -i /srv/hosts.yml orderly.services.recover -e a=1",
        ),
        (
            {"inventory": [str(Path("my hosts.yml").absolute()), "h1,"]},
            "ansible-playbook -i 'my hosts.yml' -i h1, orderly.services.recover -e a=1",
        ),
        (
            {
                "extra_vars": (
                    "@fleet.yml",
                    "orderly_store=etcd://e1:2379/x",
                    "password=1",
                    "upgrade_only=web",
                )
            },
            "ansible-playbook -e @fleet.yml -e orderly_store=etcd://e1:2379/x orderly.services.recover -e a=1",
        ),
    ],
)
def test_the_command_that_is_advised_has_the_same_hosts_and_store(
    given: dict[str, Any], typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(given))
    assert playbook("recover", "-e a=1") == typed


GIVEN = (
    "@fleet.yml",
    "web_max_unavailable=2 db_password=secret",
    '{"orderly_store": "etcd://e1:2379/x", "db_after": ["web"], "token": "secret"}',
    "upgrade_plan_dir=plans",
)


def test_variables_that_are_needed_are_repeated_however_they_were_given_and_others_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({"extra_vars": GIVEN}))
    needed = {"web_max_unavailable", "db_after", "upgrade_plan_dir"}
    assert playbook("upgrade", also=needed) == (
        "ansible-playbook -e @fleet.yml -e web_max_unavailable=2 -e orderly_store=etcd://e1:2379/x "
        """-e '{"db_after": ["web"]}' -e upgrade_plan_dir=plans orderly.services.upgrade"""
    )
    assert left_out(needed) == ["db_password", "token"]
    assert "secret" not in playbook("recover")


def test_the_command_that_is_advised_opens_the_same_vaults(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"vault_ids": ["prod@ask.sh"], "vault_password_files": ["/srv/my pass"], "ask_vault_pass": True}
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(given))
    assert playbook("recover") == (
        "ansible-playbook --vault-id prod@ask.sh --vault-password-file '/srv/my pass' --ask-vault-pass "
        "orderly.services.recover"
    )
