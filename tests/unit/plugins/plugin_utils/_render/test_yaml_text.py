from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._render.yaml_text import (
    Template,
    json_text,
    yaml_text,
)
from hypothesis import given, settings
from hypothesis import strategies as st

TRICKY = (
    *(
        "yes",
        "No",
        "null",
        "~",
        "1",
        "1.5",
        "1e3",
        "0x1f",
        "1:30",
        "2026-01-01",
        ".inf",
        "=",
        "<<",
        "-",
        "- a",
    ),
    *(
        "a: b",
        "a #b",
        "a:",
        " a",
        "a ",
        "'a'",
        '"a"',
        "{{ a }}",
        "!unsafe a",
        "&a",
        "*a",
        "[a",
        "%a",
        "@a",
        "`a",
    ),
    *(
        "",
        "\n",
        "a\nb",
        "\t",
        "\x7f",
        "\x85",
        "\u2028",
        "é · 漢",
        "\U0001f600",
        "a|b",
        "|",
        "a, b",
        "y",
        "wave-1 | Go",
    ),
)


class Reader(yaml.SafeLoader):
    """Reads what Ansible reads, and tells texts that it never templates from others."""


class Unsafe(str):
    """A text that is marked."""

    __slots__ = ()


Reader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


def read(text: str) -> Any:
    return yaml.load(text, Reader)  # noqa: S506 - a safe loader with one more tag


SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(TRICKY)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=99) | st.sampled_from(TRICKY), inner),
    max_leaves=12,
)


@pytest.mark.parametrize("text", TRICKY)
def test_a_string_stays_what_it_is(text: str) -> None:
    assert read(yaml_text({text: [text]})) == {text: [text]}


@settings(max_examples=60)
@given(DATA)
def test_what_is_written_is_read_again(data: Any) -> None:
    assert read(yaml_text(data)) == data


@given(st.from_regex(r"(?s).{0,3}\\{[{%#].{0,9}", fullmatch=True))
def test_only_what_is_said_to_be_a_template_is_one(text: str) -> None:
    (data,), (template,) = read(yaml_text([text])), read(yaml_text([Template(text)]))
    assert (data, template) == (text, text)
    assert isinstance(data, Unsafe)
    assert not isinstance(template, Unsafe)


@given(DATA)
def test_the_same_stands_in_json(data: Any) -> None:
    def marked(value: Any) -> Any:
        if isinstance(value, Unsafe):
            return {"__ansible_unsafe": str(value)}
        if isinstance(value, list):
            return [marked(item) for item in value]
        return {key: marked(item) for key, item in value.items()} if isinstance(value, dict) else value

    assert json.loads(json_text(data)) == marked(read(yaml_text(data)))


def test_it_reads_like_written_by_hand() -> None:
    play = {
        "name": "Wave 1 · web on w1",
        "hosts": Template("{{ left['wave-1'] | default(orderly_hosts) }}"),
        "become": True,
        "vars": {"orderly_hosts": "w1,w2", "nothing": {}},
        "tasks": [{"name": "wave-1 | Pass the gate", "when": "'web' in granted", "tags": ["always"]}],
    }
    assert yaml_text([play]) == (
        "- name: Wave 1 · web on w1\n"
        "  hosts: \"{{ left['wave-1'] | default(orderly_hosts) }}\"\n"
        "  become: true\n"
        "  vars:\n"
        "    orderly_hosts: w1,w2\n"
        "    nothing: {}\n"
        "  tasks:\n"
        "  - name: wave-1 | Pass the gate\n"
        "    when: \"'web' in granted\"\n"
        "    tags:\n"
        "    - always\n"
    )
