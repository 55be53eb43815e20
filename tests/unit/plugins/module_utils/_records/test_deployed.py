from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._records.deployed import read_deployed

if TYPE_CHECKING:
    from pathlib import Path


def test_the_units_of_each_service_are_read(tmp_path: Path) -> None:
    file = tmp_path / "services.json"
    assert read_deployed(file) == ({}, [])
    file.write_text('{"format": 1, "services": {"web": ["nginx.service"]}}')
    assert read_deployed(file) == ({"web": ["nginx.service"]}, [])


ODD = [
    ("?", "cannot be read, so nobody looks whether services run: it is no document"),
    ("[]", "expected an object"),
    ("{}", "does not say which units the services of this host have"),
    ('{"services": 7}', "does not say which units the services of this host have"),
    ('{"services": {"web": "nginx"}}', "does not say which units the services of this host have"),
    ('{"format": 2, "version": "9.0.0"}', "has format 2, which orderly.services 9.0.0 wrote"),
]


@pytest.mark.parametrize(("text", "words"), ODD)
def test_what_cannot_be_read_is_told_and_names_no_unit(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "services.json"
    file.write_text(text)
    units, (trouble,) = read_deployed(file)
    assert units == {}
    assert words in trouble
