"""The recipe of docs/rolling.md for a store that is backed up, lost and restored, line by line."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock import manager
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore

DOCS = Path(__file__).parents[2] / "docs/rolling.md"
PLAYED = re.compile(r"<!-- played by tests/store/test_backup.py -->\n```sh\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(not shutil.which("sqlite3"), reason="the recipe needs Debian's sqlite3")


def play(recipe: str, root: Path) -> None:
    subprocess.run(["/bin/sh", "-euc", recipe.replace("/srv/", f"{root}/")], check=True)


def test_a_store_that_was_backed_up_while_in_use_comes_back_as_it_was(tmp_path: Path) -> None:
    backup, restore = PLAYED.findall(DOCS.read_text(encoding="utf-8"))
    (tmp_path / "backup").mkdir()
    with closing(SqliteStore(tmp_path / "orderly/store.db")) as store:
        manager.freeze(store, ["web"], reason="audit", by="me")
        known, store_id = store.read(""), store.store_id()
        play(backup, tmp_path)
        manager.thaw(store, ["web"])
    (tmp_path / "orderly/store.db").unlink()
    with closing(SqliteStore(tmp_path / "orderly/store.db")) as lost:
        assert lost.read("") == {}
    play(restore, tmp_path)
    with closing(SqliteStore(tmp_path / "orderly/store.db")) as store:
        assert (store.read(""), store.store_id()) == (known, store_id)


def test_a_store_that_is_made_anew_is_another_one_to_every_host(tmp_path: Path) -> None:
    ids = set()
    for _time in range(2):
        with closing(SqliteStore(tmp_path / "store.db")) as store:
            ids.add(store.store_id())
        (tmp_path / "store.db").unlink()
    assert len(ids) == 2
