"""Whether a plan is the one that was approved; :mod:`tests.play.test_plan` approves and runs some."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.version import collection_version
from ansible_collections.orderly.services.plugins.plugin_utils._plan import approval
from ansible_collections.orderly.services.plugins.plugin_utils._plan.approval import (
    check_approved,
    plan_folder,
    read_as_written,
    read_kept,
    read_unchanged,
    survey_of,
)
from ansible_collections.orderly.services.plugins.plugin_utils._plan.folder_files import state_of
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import hash_of, read_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey, Versions
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

SURVEY = Survey({"web": (Versions("nginx", "1", "2", ("w1",)),)})
PLAN = replace(plan_of(deployment("web", "w1")), survey=SURVEY, surveyed="today")
OTHER = plan_of(deployment("web", "w1 w2"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.json").write_text(PLAN.as_json())
    return tmp_path


def test_a_plan_is_kept_where_it_is_said_or_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert plan_folder("abc", "") == plan_folder("abc", None) == Path("/cache/orderly/plans/abc")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert plan_folder("abc", None) == Path.home() / ".cache/orderly/plans/abc"
    assert plan_folder("abc", "~/friday") == Path.home() / "friday"
    assert plan_folder("abc", "friday") == Path.cwd() / "friday"


def test_the_plan_that_was_approved_is_read_with_its_survey(folder: Path) -> None:
    for approved in (PLAN.hash, None):
        kept = read_kept(approved, str(folder))
        assert kept == json.loads(PLAN.as_json())
        assert survey_of(kept) == SURVEY
    assert survey_of(json.loads(OTHER.as_json())) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"survey": 1}'])
def test_where_no_plan_is_kept_there_is_none(tmp_path: Path, text: str) -> None:
    assert read_kept(None, None) is read_kept("0" * 64, str(tmp_path)) is None
    (tmp_path / "plan.json").write_text(text)
    assert read_kept(None, str(tmp_path)) is None


def test_a_kept_plan_that_is_not_the_approved_one_is_refused(folder: Path) -> None:
    with pytest.raises(
        CatalogueError, match=f"approved plan is {OTHER.hash}, but .*/plan.json is the plan {PLAN.hash}"
    ):
        read_kept(OTHER.hash, str(folder))
    (folder / "plan.json").write_text(PLAN.as_json().replace('"candidate": "2"', '"candidate": "3"'))
    assert read_kept(None, str(folder)) is None
    with pytest.raises(CatalogueError, match=r"plan.json was edited after it was made"):
        read_kept(PLAN.hash, str(folder))


def test_only_the_approved_plan_passes() -> None:
    kept = json.loads(PLAN.as_json())
    check_approved(OTHER, None, None)
    check_approved(PLAN, PLAN.hash, kept)
    with pytest.raises(
        CatalogueError, match=r"Nothing was touched. What differs:\n  - service web, host w2: was not there"
    ):
        check_approved(OTHER, PLAN.hash, kept)
    with pytest.raises(CatalogueError, match=r"What differs is not known, as the approved plan is not in"):
        check_approved(OTHER, PLAN.hash, None)


# --- Formats ---


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


def test_a_plan_is_read_as_it_was_checked_while_nothing_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path)
    whole = read_plan(tmp_path)
    assert read_unchanged(tmp_path, state_of(tmp_path)) is None, "it was written this very moment"
    monkeypatch.setattr(approval, "state_of", lambda folder: state_of(folder, lambda: time.time() + 60))
    state = approval.state_of(tmp_path)
    unchanged = read_unchanged(tmp_path, state)
    assert unchanged is not None
    assert (unchanged, unchanged.id, unchanged.hash) == (whole, whole.id, whole.hash)
    assert read_unchanged(tmp_path, None) is None
    (tmp_path / "added.yml").touch()
    assert read_unchanged(tmp_path, state) is None
