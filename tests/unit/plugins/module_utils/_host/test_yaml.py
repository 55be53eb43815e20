from __future__ import annotations

import contextlib
import time

import pytest
import yaml
from ansible_collections.orderly.services.plugins.module_utils._host.yaml import YamlError, dump, parse
from ansible_collections.orderly.services.tests import deferral_cases as cases
from hypothesis import given, settings
from hypothesis import strategies as st

SAME_AS_PYYAML = [
    "a: b\n",
    "---\na: b\n...\n",
    "# comment\na: b # more\n",
    "a:\n- b\n- c\nd: e\n",
    "a:\n  - b\n  - c\n",
    "a:\n  b:\n    - c\n  d: [e, 'f g', \"h\\ti\"]\n",
    "a: {b: [c, d], 'e': f}\n",
    '{"a": {"b": ["c"]}}',
    '{\n  "a": {\n    "b": []\n  }\n}\n',
    "a: 'it''s: # no comment'\n",
    "a: b c\n  d e\n",
    "a: 'b\n  c'\n",
    "a:\nb: ~\nc: null\n",
    "a: x:y#z\n",
    "a\\x2db.service: [x]\n",
    "postgresql@15-main: x\n",
    "'*': x\n",
    "a: b\r\nc: d\r\n",
    yaml.dump({"reason": "File(s) changed: " + ", ".join(f"/etc/file-{n}" for n in range(30))}),
    yaml.dump({"reason": "ümlaut " * 30}),
]


@pytest.mark.parametrize("text", SAME_AS_PYYAML)
def test_reads_what_policies_and_records_are_written_in(text: str) -> None:
    assert parse(text) == yaml.safe_load(text)


REFUSED = [
    "", "# only a comment\n", "a: &b c\n", "a: *b\n", "a: !!int 1\n", "a: |\n  b\n", "a: >\n  b\n", "a: [b\n",
    "a: 'b\n", "a: b\na: c\n", "a: {b: c, b: d}\n", "a:\n  b: c\n d: e\n", "- - a\n", "- a: b\n", "? a\n: b\n",
    "a: b: c\n", "a: [b] c\n", "a: b\n---\na: c\n", "[" * 100, "\t- a\nb",
    'a: "\\ud800"\n', 'a: "\\UFFFFFFFF"\n',
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_it_does_not_understand(text: str) -> None:
    with pytest.raises(YamlError):
        parse(text)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


values_of = st.one_of(names, st.lists(names, max_size=4), st.dictionaries(names, st.lists(names, max_size=4)))


@settings(deadline=None)
@given(st.dictionaries(names, values_of))
def test_writes_what_it_and_pyyaml_read_back(values: dict[str, object]) -> None:
    text = dump(values)
    if values:
        assert parse(text) == values
        assert yaml.safe_load(text) == values


@pytest.mark.parametrize(("text", "written"), cases.TEXT_AND_YAML)
def test_writes_texts_as_the_script_does(text: str, written: str) -> None:
    assert dump({"package": text}) == f"package: {written}\n"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_never_raises_anything_else(text: str) -> None:
    try:
        parse(text)
    except YamlError:
        return


LONG = ["a: b{}c\n", "a: b{}# c\n", "a{}: b\n", "a{}b\n", "- a{}b\n", "a: [b{}c]\n", "a: 'b{}c'\n", "a:{}b\n"]


@pytest.mark.parametrize("text", LONG)
def test_a_line_takes_a_time_that_grows_as_its_length(text: str) -> None:
    begun = time.monotonic()
    with contextlib.suppress(YamlError):
        parse(text.format(" " * 40_000))
    assert time.monotonic() - begun < 1
