from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common import version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    version.collection_version.cache_clear()
    yield
    version.collection_version.cache_clear()


def test_a_checkout_says_its_version_in_galaxy_yml_and_what_is_installed_in_its_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "ROOT", tmp_path)
    (tmp_path / "galaxy.yml").write_text('name: services\nversion: "1.2.0"\n')
    assert version.collection_version() == "1.2.0"
    version.collection_version.cache_clear()
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "1.3.0"}}))
    assert version.collection_version() == "1.3.0"
