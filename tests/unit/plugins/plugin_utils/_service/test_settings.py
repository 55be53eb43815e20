"""What a service says about itself: how it is read, and that the published schema says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import (
    CatalogueError,
    Dependency,
    Service,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.settings import (
    SETTINGS,
    line_of,
    parse_service,
    schema,
)
from hypothesis import given
from hypothesis import strategies as st

FILE = Path("/roles/web/meta/service.yml")
SCHEMA = Path(__file__).resolve().parents[5] / "docs/service.schema.json"


def parse(text: str) -> Service:
    return parse_service(text, FILE, "web", Path("/roles/web"))


# --- meta/service.yml ---


@pytest.mark.parametrize("text", ["", "---\n", "# nothing said\n", "service: web\n"])
def test_a_service_that_says_nothing_has_the_defaults(text: str) -> None:
    assert parse(text) == Service(name="web", role="web", path=Path("/roles/web"), group="web")


def test_a_service_says_everything_about_itself() -> None:
    text = """
        service: haproxy
        group: balancers
        units: [haproxy.service, haproxy@.service]
        stage: front
        after: [keepalived, {service: ovn_db, step: 3}]
        requires: [nginx]
        max_unavailable: 50%
        failure_budget: 2
        full_stop: true
        deferred_actions: [stop, reload]
        deferral: hold
    """
    assert parse(text) == Service(
        name="haproxy",
        role="web",
        path=Path("/roles/web"),
        group="balancers",
        units=("haproxy.service", "haproxy@.service"),
        stage="front",
        after=(Dependency("keepalived"), Dependency("ovn_db", step=3)),
        requires=(Dependency("nginx"),),
        max_unavailable="50%",
        failure_budget=2,
        full_stop=True,
        deferred_actions=("stop", "reload"),
        deferral="hold",
    )


KNOWN = ", ".join(SETTINGS)
BROKEN = [
    (
        "maxunavailable: 1",
        ":1: unknown key 'maxunavailable'. Did you mean max_unavailable?",
    ),
    ("unit: 1", ":1: unknown key 'unit'. Did you mean units?"),
    ("service: web\n7: 1", f":2: unknown key 7; expected one of {KNOWN}."),
    ("[web]", f":1: expected a mapping of settings ({KNOWN})."),
    ("just words", f":1: expected a mapping of settings ({KNOWN})."),
    ("service: 5", ":1: service is 5; expected a name of at most 100 letters, digits, '_', '-' and '.'."),
    (
        "service: a b",
        ":1: service is 'a b'; expected a name of at most 100 letters, digits, '_', '-' and '.'.",
    ),
    ("units: web.service", ":1: units is 'web.service'; expected a list of systemd units with their suffix"),
    ("units: [web]", ":1: units is ['web']; expected a list of systemd units with their suffix"),
    ("after: db", ":1: after is 'db'; expected a list of service names; {service: NAME, step: 2 to 6} waits"),
    (
        "\n\nrequires: [1]",
        ":3: requires is [1]; expected a list of service names; {service: NAME, step: 2 to 6} waits",
    ),
    ("after: [{service: db}]", ":1: after is [{'service': 'db'}]; expected a list of service names; {"),
    ("after: [{service: db, step: 1}]", ":1: after is [{'service': 'db', 'step': 1}]; expected a list"),
    ("after: [{service: db, step: true}]", ":1: after is [{'service': 'db', 'step': True}]; expected a list"),
    (
        "after: [{service: db, when: {package: ovn}}]",
        ":1: after is [{'service': 'db', 'when': {'package': 'ovn'}}]; ",
    ),
    (
        "\nafter: [{service: db, when: {package: ovn, installed: < 22}}]",
        "where one or both are so (<<, <=, =, >= or >>)",
    ),
    (
        "after: [{service: db, when: {installed: << 2}}]",
        ":1: after is [{'service': 'db', 'when': {'installed': '<< 2'",
    ),
    (
        "after: [{service: db, holds: true}]",
        ":1: after is [{'service': 'db', 'holds': True}]; expected a list",
    ),
    ("stage: a\nunits: []\nstage: b", ":3: the key stage appears twice; keep one of them."),
    (
        "max_unavailable: 0",
        ":1: max_unavailable is 0; expected a number (1 or more), or a percentage from 1% to 100%.",
    ),
    ("max_unavailable: 0%", ":1: max_unavailable is '0%'; expected a number (1 or more)"),
    ("max_unavailable: 101%", ":1: max_unavailable is '101%'; expected a number (1 or more)"),
    ("max_unavailable: true", ":1: max_unavailable is True; expected a number (1 or more)"),
    ("max_unavailable: 1.5", ":1: max_unavailable is 1.5; expected a number (1 or more)"),
    ("failure_budget: -1", ":1: failure_budget is -1; expected a number of hosts that a roll may lose"),
    ("failure_budget: true", ":1: failure_budget is True; expected a number of hosts"),
    ("full_stop: maybe", ":1: full_stop is 'maybe'; expected true or false."),
    ("deferred_actions: stop", ":1: deferred_actions is 'stop'; expected a list of actions"),
    ("deferral: defer", ":1: deferral is 'defer'; expected block or hold."),
    ("stage:", ":1: stage is None; expected a name that services of one stage share"),
    ("units: [a.service\nstage: x", ":2: not YAML: "),
    ("service: !vault x", ":1: not YAML: could not determine a constructor for the tag '!vault'."),
]


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=[text for text, _message in BROKEN])
def test_a_broken_setting_is_named_with_file_line_key_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse(text)
    assert (f"{FILE}{message}" if message.startswith(":") else message) in str(caught.value)


def test_what_a_service_says_can_be_written_again() -> None:
    said = {
        "after": ["db", {"service": "ovn_db", "step": 3}],
        "requires": [{"service": "db", "when": {"package": "ovn", "installed": "<< 2", "candidate": ">= 2"}}],
        "units": ["web.service"],
        "max_unavailable": "25%",
    }
    settings = parse(yaml.safe_dump(said)).settings()
    assert {key: settings[key] for key in said} == said
    assert parse(yaml.safe_dump(settings)).settings() == settings


def test_the_line_of_a_key_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "web/meta/service.yml"
    file.parent.mkdir(parents=True)
    file.write_text("---\nservice: web\nrequires: [db]\n")
    service = parse_service(file.read_text(), file, "web", tmp_path / "web")
    assert (line_of(service, "requires"), line_of(service, "after")) == (3, 1)


# --- The published schema ---


def test_the_published_schema_is_made_of_the_settings() -> None:
    assert json.loads(SCHEMA.read_text()) == schema(), (
        "write it again: tests/env python tests/write_schema.py"
    )


# JSON has one kind of number, and the standard's patterns end where the text ends, which Python's $ does not.
WORDS = st.sampled_from(
    ["web", "a b", "", "1", "02", "50%", "0%", "100%", "web.service", "block", "tags", "stop"]
)
TEXT = WORDS | st.text(max_size=5).filter(lambda text: not text.endswith("\n"))
PLAIN = TEXT | st.integers(-2, 120) | st.just(1.5) | st.booleans() | st.none()
CONSTRAINT = st.sampled_from(["<< 1", ">=1:2-3", "< 1", "= ", "<< 1-", 1])
WHEN = st.fixed_dictionaries(
    {}, optional={"package": WORDS, "installed": CONSTRAINT, "candidate": CONSTRAINT, "host": PLAIN}
)
STEPPED = st.fixed_dictionaries(
    {}, optional={"service": PLAIN, "step": st.integers(0, 8) | PLAIN, "when": WHEN | PLAIN, "host": PLAIN}
)
VALUES = PLAIN | STEPPED | st.lists(PLAIN | STEPPED, max_size=3)
DOCUMENTS = st.none() | st.dictionaries(st.sampled_from([*SETTINGS, "unknown"]), VALUES, max_size=3) | VALUES


@given(DOCUMENTS)
def test_the_schema_and_the_reader_agree(document: Any) -> None:
    try:
        parse(yaml.safe_dump(document))
        accepted = True
    except CatalogueError:
        accepted = False
    assert jsonschema.Draft202012Validator(schema()).is_valid(document) == accepted


def test_the_guide_tells_every_key() -> None:
    table = (
        (SCHEMA.parent / "service-roles.md").read_text().partition("## Every key of")[2].partition("\n## ")[0]
    )
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == SETTINGS.keys()
