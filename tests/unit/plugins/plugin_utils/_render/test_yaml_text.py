from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._render.yaml_text import yaml_text
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
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(TRICKY)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=99) | st.sampled_from(TRICKY), inner),
    max_leaves=12,
)


@pytest.mark.parametrize("text", TRICKY)
def test_a_string_stays_what_it_is(text: str) -> None:
    assert yaml.safe_load(yaml_text({text: [text]})) == {text: [text]}


@settings(max_examples=60)
@given(DATA)
def test_what_is_written_is_read_again(data: Any) -> None:
    assert yaml.safe_load(yaml_text(data)) == data


def test_it_reads_like_written_by_hand() -> None:
    play = {
        "name": "Wave 1 · web on w1",
        "hosts": "{{ left['wave-1'] | default(orderly_hosts) }}",
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
