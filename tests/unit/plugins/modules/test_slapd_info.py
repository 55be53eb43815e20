from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.modules.slapd_info import (
    CONSUMERS,
    DATABASES,
    NOTHING,
    entries,
    look,
)

PROVIDER = """\
dn: olcDatabase={1}mdb,cn=config
olcSuffix: dc=Example, dc=org

dn: olcDatabase={2}mdb,cn=config
olcSuffix: ou=old,dc=example,dc=org
olcSubordinate: TRUE
"""
CONSUMER = "dn: olcDatabase={1}mdb,cn=config\nolcSyncrepl:\n"
MULTI = "dn: olcDatabase={1}mdb,cn=config\nolcSuffix: dc=Example, dc=org\nolcMultiProvider: TRUE\n"
CHANGE = "20261201003655.958671Z#000000#001#000000"
REACHED = f"dn: dc=example,dc=org\ncontextCSN: {CHANGE}\n"
DOWN = "ldap_sasl_interactive_bind: Can't contact LDAP server (-1)\n"
SUFFIX = "dc=example,dc=org"


class FakeServer:
    """Answers the searches in turn, each with a status, what it finds and what it complains of."""

    def __init__(self, *answers: str | tuple[int, str, str]) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def __call__(self, words: list[str]) -> tuple[int, str, str]:
        self.asked.append(words)
        answer = self.answers.pop(0)
        return (0, answer, "") if isinstance(answer, str) else answer


def test_a_provider_takes_its_database_from_nobody() -> None:
    server = FakeServer(PROVIDER, "", REACHED)
    assert look(server) == {
        **NOTHING,
        "answers": True,
        "provides": [SUFFIX],
        "reached": {f"{SUFFIX} 001": CHANGE},
    }
    assert server.asked == [DATABASES, CONSUMERS, ["-s", "base", "-b", "dc=Example, dc=org", "contextCSN"]]


@pytest.mark.parametrize(("databases", "provides"), [(PROVIDER, []), (MULTI, [SUFFIX])])
def test_a_consumer_takes_its_database_from_another(databases: str, provides: list[str]) -> None:
    found = look(FakeServer(databases, CONSUMER, REACHED))
    assert (found["consumes"], found["provides"]) == ([SUFFIX], provides)


def test_a_database_that_is_empty_yet_has_reached_nothing() -> None:
    found = look(FakeServer(PROVIDER, CONSUMER, (32, "", "No such object (32)\n")))
    assert (found["answers"], found["reached"]) == (True, {})


@pytest.mark.parametrize(
    ("answers", "reply"),
    [
        ([(255, "", DOWN)], DOWN.strip()),
        ([(124, "", "")], "it does not answer in time"),
        ([(2, "", "")], "ldapsearch ended with 2"),
        ([(32, "", "No such object (32)\n")], "it shows no database in cn=config to this client"),
        ([""], "it shows no database in cn=config to this client"),
        ([PROVIDER, (255, "", DOWN)], DOWN.strip()),
        ([PROVIDER, CONSUMER, (50, "", "Insufficient access (50)\n")], "Insufficient access (50)"),
    ],
)
def test_of_a_server_that_does_not_answer_the_reason_is_told(answers: list[str], reply: str) -> None:
    assert look(FakeServer(*answers)) == {**NOTHING, "reply": reply}


def test_the_values_of_what_replicates_are_not_asked_for() -> None:
    assert CONSUMERS[0] == "-A"  # they have passwords
    assert "olcSyncrepl" not in " ".join(DATABASES)


def test_a_value_that_is_no_plain_text_is_read() -> None:
    assert entries("dn:: ZGM9bcO8\nolcSuffix:: ZGM9bcO8\n# a remark\n") == [
        {"dn": ["dc=mü"], "olcsuffix": ["dc=mü"]}
    ]
