from __future__ import annotations

import os
import pwd
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._store import sqlite
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import (
    SqliteStore,
    is_mounted,
    shared_file_system,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Document, Documents

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orderly/store.db"


def put(path: Path) -> None:
    store = SqliteStore(path)
    store.transact(("a",), lambda _documents: ({"a": {}}, None))
    store.close()


def test_the_store_is_its_owners_alone_and_one_file(path: Path) -> None:
    put(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["store.db"]


def test_in_a_folder_that_a_group_shares_the_group_may_write_the_store(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o2770)
    put(path)
    assert path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_store_where_everybody_can_put_another_is_refused(path: Path, mode: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    with pytest.raises(
        StoreError, match=f"{path}: everybody can write to {path.parent}. Let orderly_store name"
    ):
        put(path)
    assert list(path.parent.iterdir()) == []


def test_our_own_folder_is_for_root_alone_whoever_made_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "STATE_FOLDER", path.parent)
    path.parent.mkdir(mode=0o755)
    put(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_reading_creates_nothing(path: Path) -> None:
    assert SqliteStore(path).read("lock/") == {}
    assert not path.parent.exists()


BROKEN = {
    "an empty file": (lambda path: path.write_bytes(b""), "is not a store of orderly.services"),
    "text": (lambda path: path.write_text("no database" * 100), "not a database; restore it from a backup"),
    "another program's": (
        lambda path: sqlite3.connect(path).execute("CREATE TABLE t (x)"),
        "is not a store of orderly.services",
    ),
    "a newer layout": (
        lambda path: sqlite3.connect(path).executescript(
            f"PRAGMA application_id = {sqlite.APPLICATION_ID}; PRAGMA user_version = 9"
        ),
        "has layout 9, but this version of orderly.services knows 1",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_store_is_named_and_left_as_it_is(path: Path, kind: str) -> None:
    make, message = BROKEN[kind]
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    for use in (SqliteStore(path).read, lambda: put(path)):
        with pytest.raises(StoreError, match=message) as error:
            use()
        assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_a_damaged_page_is_named_and_left_as_it_is(path: Path) -> None:
    put(path)
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xff" * len(damaged[4096:])
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged; restore it from a backup"):
        SqliteStore(path).read("a")
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("body", ["{", "[]", '"text"'])
def test_a_broken_document_is_named_and_left_as_it_is(path: Path, body: str) -> None:
    put(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE documents SET body = ?", (body,))
    with pytest.raises(StoreError, match=r"Document a in .* is broken, and was left as it is"):
        SqliteStore(path).read("a")


def another(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)


def test_who_changes_nothing_does_not_wait_for_who_writes(path: Path) -> None:
    put(path)
    with closing(SqliteStore(path)) as store, closing(another(path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert store.transact(("a",), lambda documents: ({}, documents)) == {"a": {}}


def test_who_decides_keeps_nobody_from_writing_and_decides_anew_when_overtaken(path: Path) -> None:
    put(path)
    seen: list[Document] = []
    with closing(SqliteStore(path)) as store, closing(another(path)) as writer:
        writer.execute("PRAGMA busy_timeout = 0")

        def decide(documents: Documents) -> tuple[Documents, None]:
            seen.append(documents["a"])
            if len(seen) == 1:
                writer.execute("""UPDATE documents SET body = '{"by": "another"}'""")
            return {"a": {**documents["a"], "and": "us"}}, None

        store.transact(("a",), decide)
        assert seen == [{}, {"by": "another"}]
        assert store.read("a") == {"a": {"by": "another", "and": "us"}}


def test_what_is_written_outlives_a_loss_of_power(path: Path) -> None:
    put(path)
    with closing(SqliteStore(path)) as store:
        store.read("a")
        assert store._connection
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA


def test_a_lock_that_is_kept_too_long_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process has kept it locked"):
        put(path)


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be used: .*directory.*set orderly_store"):
        put(tmp_path / "file/orderly/store.db")


@pytest.fixture
def public() -> Iterator[Path]:
    """Give a folder that every user can reach, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(path: Path) -> str:
    """Write to the store as a user with few rights; give what that user is told."""
    nobody = pwd.getpwnam("nobody")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "done"
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            put(path)
        except BaseException as exc:
            answer = str(exc)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@needs_root
def test_a_folder_where_the_user_may_not_write_is_named(public: Path) -> None:
    assert "cannot be used: Permission denied" in as_nobody(public / "orderly/store.db")
    assert list(public.iterdir()) == []


@needs_root
def test_a_store_that_the_user_may_only_read_is_named(public: Path) -> None:
    put(public / "store.db")
    (public / "store.db").chmod(0o644)
    assert "it is read-only" in as_nobody(public / "store.db")


@needs_root
def test_users_share_a_store_in_a_folder_of_their_group(public: Path) -> None:
    os.chown(public, 0, pwd.getpwnam("nobody").pw_gid)
    public.chmod(0o2770)
    assert as_nobody(public / "store.db") == "done"
    put(public / "store.db")
    assert as_nobody(public / "store.db") == "done"


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /home rw,relatime - nfs4 server:/home rw
31 30 8:2 / /home/local\040disk rw,relatime shared:2 - xfs /dev/sdb1 rw
40 22 0:40 / /mnt rw - ext4 /dev/sdc1 rw
41 40 0:41 / /mnt rw - cifs //server/share rw
42 22 8:1 /srv/a\040store.db /srv/a\040store.db rw,relatime - ext4 /dev/sda1 rw
""".strip()
FOLDERS = [
    ("/var/lib/orderly", None),
    ("/home/ann/.local/state", "nfs4"),
    ("/homestead", None),
    ("/home/local disk/ann", None),
    ("/mnt/x", "cifs"),
]


@pytest.mark.parametrize(("folder", "kind"), FOLDERS)
def test_file_systems_that_machines_share_are_told(folder: str, kind: str | None) -> None:
    assert shared_file_system(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize(
    ("path", "mounted"), [("/srv/a store.db", True), ("/srv/a store.db-journal", False), ("/srv", False)]
)
def test_a_file_that_is_a_mount_is_told(path: str, mounted: bool) -> None:
    assert is_mounted(Path(path), MOUNTS) is mounted


def test_a_store_that_was_mounted_without_its_folder_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path)
    monkeypatch.setattr(sqlite, "is_mounted", lambda *_anything: True)
    with pytest.raises(StoreError, match=rf"without its folder.* mount the folder {path.parent} instead"):
        put(path)


def test_a_store_on_a_shared_file_system_is_refused_even_if_it_exists(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path)
    monkeypatch.setattr(sqlite, "shared_file_system", lambda *_anything: "nfs4")
    with pytest.raises(StoreError, match=r"network file system \(nfs4\), where SQLite cannot lock"):
        put(path)
