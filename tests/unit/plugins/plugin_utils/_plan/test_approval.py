"""A plan that is kept is read only where it is what it was, in a format that is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.version import collection_version
from ansible_collections.orderly.services.plugins.plugin_utils._plan.approval import (
    read_as_written,
    read_kept,
)
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import hash_of
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

USES: list[Callable[[Path], Any]] = [read_as_written, lambda folder: read_kept(None, str(folder))]


def put(folder: Path, **more: Any) -> dict[str, Any]:
    plan = plan_of(deployment("web", "w1"))
    data = {**plan.as_data(), "page": "", **more}
    (folder / "plan.json").write_text(json.dumps({**data, "hash": hash_of(data)}))
    return data


@pytest.mark.parametrize("use", USES)
def test_a_plan_of_a_newer_format_is_refused_with_the_version_that_wrote_it(
    tmp_path: Path, use: Callable[[Path], Any]
) -> None:
    put(tmp_path, format=2, versions={"orderly.services": "9.1.0"})
    with pytest.raises(CatalogueError) as caught:
        use(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/plan.json has format 2, and orderly.services {collection_version()} knows 1. It was written by "
        "orderly.services 9.1.0; nothing was changed. Use that version or a newer one here too."
    )


@pytest.mark.parametrize("short", ["0123456789abcdef", "A" * 64, "0" * 63, "0" * 65])
def test_only_a_whole_hash_approves(tmp_path: Path, short: str) -> None:
    put(tmp_path)
    for use in (lambda: read_kept(short, str(tmp_path)), lambda: read_as_written(tmp_path, short)):
        with pytest.raises(CatalogueError, match="is not the hash of a plan; expected all of its 64 digits"):
            use()


@pytest.mark.parametrize("key", ["services", "plays", "files", "versions", "format"])
def test_nothing_of_a_plan_can_be_edited(tmp_path: Path, key: str) -> None:
    data = put(tmp_path)
    edited = {**data, key: {"versions": {"x": "1"}, "files": {"x": "1"}}.get(key)}
    (tmp_path / "plan.json").write_text(json.dumps(edited))
    with pytest.raises(CatalogueError, match=r"Make the plan again|No released version"):
        read_as_written(tmp_path)
