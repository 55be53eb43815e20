"""The store in one SQLite file on the controller, for any number of processes and users there.

It keeps SQLite's rollback journal rather than the write-ahead log: a playbook opens the store for one
transaction, and then the journal is the faster of the two, leaves one file between transactions, and needs no
shared memory that every user of the store must be able to write.

Whoever was granted a slot stops services at once, so the grant must outlive the controller, be it a loss of power in
the same second. SQLite says that this takes ``synchronous=EXTRA`` with such a journal: with ``FULL`` the commit is the
journal's end, which the disk may not know of yet, and then the next one to open the file rolls the grant back
(https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import stat
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .._common.files import sync_folder
from .._common.places import open_to_others
from .store import Span, StoreError, is_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from .store import Document, Documents, Part

Result = TypeVar("Result")

APPLICATION_ID = 0x6F72646C  # "ordl": tells our file from every other SQLite file
LAYOUT = 1
SCHEMA = f"""
BEGIN IMMEDIATE;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {LAYOUT};
CREATE TABLE store (id TEXT NOT NULL);
CREATE TABLE documents (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""
ONE = "SELECT key, body FROM documents WHERE key = ?"
SOME = "SELECT key, body FROM documents WHERE key >= ? AND key <= ?"
LAST_CHARACTER = "\U0010ffff"
BUSY_SECONDS = 30.0
STATE_FOLDER = Path("/var/lib/orderly")
# Seconds between two looks at whether there is news: short at first, as one change is often the first of some.
SHORTEST_PAUSE = 0.002
LONGEST_PAUSE = 0.05
LONGER = 1.25
UNSEEN = -1

# File locks of these are not dependable between machines, or not between a machine and its guests.
SHARED_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "lustre", "ncpfs"}
    | {"nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"}
    | {f"fuse.{name}" for name in ("ceph", "glusterfs", "rclone", "s3fs", "sshfs", "vmhgfs-fuse")}
)


def shared_file_system(path: Path, mountinfo: str) -> str | None:
    """Tell the type of the file system of *path* if other machines may share it."""
    best = kind = ""
    for point, source in _mounts(mountinfo):
        # Of two mounts at one point the later one is on top.
        if f"{path}/".startswith(f"{point.rstrip('/')}/") and len(point) >= len(best):
            best, kind = point, source
    return kind if kind in SHARED_FILE_SYSTEMS else None


def is_mounted(path: Path, mountinfo: str) -> bool:
    """Tell whether *path* itself is a mount, as a file is that a container was given without its folder."""
    return any(point == str(path) for point, _kind in _mounts(mountinfo))


def _mounts(mountinfo: str) -> Iterator[tuple[str, str]]:
    """List where something is mounted, and the type of its file system."""
    for line in mountinfo.splitlines():
        mount, _separator, source = line.partition(" - ")
        point = mount.split()[4]
        if "\\" in point:
            point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), point)
        yield point, source.split()[0]


def from_url(url: str) -> SqliteStore:
    """Name the store that ``sqlite:///PATH`` means.

    :raises StoreError: when *url* has no absolute path of a file
    """
    path = url.removeprefix("sqlite://")
    if not path.startswith("/") or path.endswith("/"):
        raise StoreError(f'"{url}" is not a store address: write sqlite:// and an absolute path.')
    return SqliteStore(Path("/" + path.lstrip("/")))


class SqliteStore:
    """A :class:`~.store.Store` in the file *path*, which its first transaction creates."""

    shared = False

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = f"sqlite://{path}"
        self.name = f"{self.url} on {socket.gethostname()}"
        self._path = path
        self._clock = clock
        self._sleep = sleep
        self._connection: sqlite3.Connection | None = None
        self._seen = UNSEEN
        self._bodies: dict[str, str] = {}  # as they were last read

    def store_id(self, *, create: bool = True) -> str:
        if not create and not self._exists():
            return ""
        with self._transaction("DEFERRED") as connection:
            (value,) = connection.execute("SELECT id FROM store").fetchone()
        return str(value)

    def read(self, *parts: Part) -> Documents:
        if not self._exists():  # reading creates nothing, so that check mode leaves no trace
            return {}
        with self._transaction("DEFERRED") as connection:
            return self._select(connection, parts)

    def transact(
        self,
        parts: tuple[Part, ...],
        decide: Callable[[Documents], tuple[Mapping[str, Document | None], Result]],
        *,
        upon: Collection[str] | None = None,  # noqa: ARG002 - one writes at a time here, whatever it rests on
    ) -> Result:
        # Nobody is kept from writing while somebody else thinks, least of all by those who wait and change nothing.
        changes, result = decide(self.read(*parts))
        if not changes:
            return result
        with self._transaction("IMMEDIATE") as connection:
            if self._overtaken(connection):
                changes, result = decide(self._select(connection, parts))
            for key in changes:
                if not is_in(key, parts):
                    raise ValueError(f"{key} was written but not read: it is in none of {parts}")
            for key, document in changes.items():
                self._write(connection, key, document)
        return result

    def _overtaken(self, connection: sqlite3.Connection) -> bool:
        """Tell whether somebody else has written since this store was last read."""
        return self._version(connection) != self._seen

    def _write(self, connection: sqlite3.Connection, key: str, document: Document | None) -> None:
        if document is None:
            connection.execute("DELETE FROM documents WHERE key = ?", (key,))
            self._bodies.pop(key, None)
        else:
            body = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False)
            connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (key, body))
            self._bodies[key] = body

    def wait_for_change(self, timeout: float, keys: Collection[str] = ()) -> bool:
        deadline = self._clock() + timeout
        pause = SHORTEST_PAUSE
        while not self._changed(keys):
            left = deadline - self._clock()
            if left <= 0:
                return False
            self._sleep(min(pause, left))
            pause = min(pause * LONGER, LONGEST_PAUSE)
        return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._seen = UNSEEN  # the numbers of two connections have nothing in common

    def _exists(self) -> bool:
        try:
            return self._path.exists()
        except OSError as exc:
            raise self._unusable(exc) from exc

    def _changed(self, keys: Collection[str]) -> bool:
        with self._named_errors():
            if not self._overtaken(self._connected()):
                return False
        return not keys or self._differ(keys)

    def _differ(self, keys: Collection[str]) -> bool:
        """Tell whether some of these documents are not as they were read."""
        before = self._bodies
        with self._transaction("DEFERRED") as connection:
            self._seen = self._version(connection)
            now = dict(row for key in keys for row in connection.execute(ONE, (key,)))
        return any(now.get(key) != before.get(key) for key in keys)

    def _version(self, connection: sqlite3.Connection) -> int:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _select(self, connection: sqlite3.Connection, parts: tuple[Part, ...]) -> Documents:
        # Taken inside the transaction: whatever others write from here on shows as a change.
        self._seen = self._version(connection)
        rows: list[tuple[str, str]] = []
        for part in parts:
            span = part if isinstance(part, Span) else Span(part, part + LAST_CHARACTER)
            rows += connection.execute(SOME, span)
        self._bodies = dict(rows)
        return {key: self._decode(key, body) for key, body in self._bodies.items()}

    def _decode(self, key: str, body: str) -> Document:
        broken = f"Document {key} in {self._path} is broken, and was left as it is"
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise StoreError(f"{broken}: {exc}.") from exc
        if not isinstance(document, dict):
            raise StoreError(f"{broken}: it is not an object.")
        return document

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        with self._named_errors():
            connection = self._connected()
            connection.execute(f"BEGIN {kind}")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._refuse_shared()
            self._refuse_open()
            if not self._exists():
                self._create()
            connection = self._connect(self._path)
            try:
                self._check_layout(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _connect(self, path: Path) -> sqlite3.Connection:
        # mode=rw: never an empty file where a store was a moment ago
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        connection.execute("PRAGMA synchronous = EXTRA")
        return connection

    def _check_layout(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise StoreError(
                f"{self._path} is not a store of orderly.services, and was left as it is:"
                " set orderly_store to another file."
            )
        if layout != LAYOUT:
            raise StoreError(
                f"{self._path} has layout {layout}, but this version of orderly.services knows {LAYOUT}:"
                " use the version that wrote it, or a newer one."
            )

    def _create(self) -> None:
        """Make the whole store aside and link it into place: nobody is ever left with half of one."""
        folder = self._path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder == STATE_FOLDER:  # whoever made it first
                folder.chmod(0o700)
            with tempfile.TemporaryDirectory(prefix=".new-store-", dir=folder) as aside:
                draft = Path(aside) / "store.db"
                draft.touch()
                # A folder that its group may write is one that its administrator shares.
                draft.chmod(0o660 if folder.stat().st_mode & stat.S_IWGRP else 0o600)
                self._lay_out(draft)
                try:
                    self._path.hardlink_to(draft)
                except FileExistsError:
                    return  # another process was first, and its store is as good
            sync_folder(folder)
        except OSError as exc:
            raise self._unusable(exc) from exc

    def _lay_out(self, draft: Path) -> None:
        connection = self._connect(draft)
        try:
            connection.executescript(SCHEMA)
            connection.execute("INSERT INTO store VALUES (?)", (str(uuid.uuid4()),))
            connection.commit()
        finally:
            connection.close()

    def _refuse_shared(self) -> None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        except FileNotFoundError:
            return  # not Linux: nothing to ask
        place = self._path.resolve()
        # Who finds what a killed process has half written undoes it by a file beside the store, or takes it for whole.
        if is_mounted(place, mountinfo):
            raise StoreError(
                f"{self._path} is mounted without its folder, in which SQLite keeps what others need to undo the work"
                f" of a process that was killed: mount the folder {place.parent} instead."
            )
        kind = shared_file_system(place, mountinfo)
        if kind:
            raise StoreError(
                f"{self._path} is on a network file system ({kind}), where SQLite cannot lock: set orderly_store"
                " to a local file, or to an etcd:// cluster to share it."
            )

    def _refuse_open(self) -> None:
        folder = self._path.parent
        if why := open_to_others(folder, everybody=True):
            raise StoreError(
                f"Somebody else could put another store in the place of {self._path}: {why}. Let orderly_store name a"
                " file in a folder of your own."
            )

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise self._unusable(exc) from exc

    def _unusable(self, exc: Exception) -> StoreError:
        return StoreError(f"The store {self._path} cannot be used: {_cause(exc)}. Nothing was changed.")


def _cause(exc: Exception) -> str:
    """Say what is wrong and what to do, as far as the error tells."""
    if isinstance(exc, OSError):
        return f"{exc.strerror} ({exc.filename}); run as a user who may write there, or set orderly_store"
    name = getattr(exc, "sqlite_errorname", "")
    advice = {
        "SQLITE_BUSY": f"another process has kept it locked for {BUSY_SECONDS:.0f} s; see who has it open",
        "SQLITE_CANTOPEN": "it cannot be opened; run as a user who may write there, or set orderly_store",
        "SQLITE_CORRUPT": "the file is damaged; restore it from a backup",
        "SQLITE_FULL": "the disk is full",
        "SQLITE_NOTADB": "the file is not a database; restore it from a backup",
        "SQLITE_READONLY": "it is read-only; run as a user who may write there, or set orderly_store",
    }
    return next((text for code, text in advice.items() if name.startswith(code)), str(exc))
