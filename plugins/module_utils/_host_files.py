# This is a private utility of the orderly.services collection; it may change without notice.
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the host layer: policies, records, and the script that packages ask."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.orderly.services.plugins.module_utils._errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._ledger import (
    Event,
    Record,
    note_event,
    parse_record,
)
from ansible_collections.orderly.services.plugins.module_utils._policy import (
    Policy,
    Requestor,
    needrestart_settings,
    parse_policy,
)
from ansible_collections.orderly.services.plugins.module_utils._verdict import assume, read_last_known
from ansible_collections.orderly.services.plugins.module_utils._yaml import YamlError

if TYPE_CHECKING:
    from typing import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from ansible_collections.orderly.services.plugins.module_utils._systemd import UnitState

_MAX_BYTES = 1 << 20


def read_text(path: Path) -> str:
    """Read a small regular file that root wrote; whatever else has its name is an error, and is not looked at."""
    mode = path.lstat()
    if not stat.S_ISREG(mode.st_mode):
        raise YamlError("it is not a regular file")
    if mode.st_uid not in (0, os.geteuid()):
        raise YamlError(f"it belongs to user {mode.st_uid}, expected root")
    if mode.st_size > _MAX_BYTES:
        raise YamlError("it is larger than 1 MiB")
    return path.read_bytes().decode("utf-8", "backslashreplace")


def read_lines(path: Path) -> list[str]:
    """Read the lines of a file; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    except OSError:
        return []


def write_text(path: Path, text: str) -> None:
    """Write a file by rename: at any moment there is the old one or the new one.

    What a process that was killed left behind ends with its PID; the script removes that in time.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        remove_file(new)
        with os.fdopen(
            os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8"
        ) as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as exc:
        raise HostError(f"{path} cannot be written: {exc.strerror}.", path=str(path)) from exc


def remove_file(path: Path) -> None:
    """Remove a file, if it is there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as exc:
        raise HostError(f"{path} cannot be removed: {exc.strerror}.", path=str(path)) from exc


def remove_drop_in(path: Path) -> None:
    """Remove a drop-in, and its folder where nothing else is in it."""
    remove_file(path)
    try:
        path.parent.rmdir()
    except OSError:
        return


def boot_id(root: Path = Path("/")) -> str:
    """Tell which boot of the host this is."""
    return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


Item = TypeVar("Item")


def read_each(
    paths: Iterable[Path], read: Callable[[Path], Item], fault: str
) -> tuple[list[Item], list[str]]:
    """Read every file, and say which are not what they should be."""
    found, trouble = [], []
    for path in paths:
        item = _attempt(path, read)
        if isinstance(item, Exception):
            trouble.append(f"{path} {fault} ({item}).")
        elif item is not None:
            found.append(item)
    return found, trouble


def _attempt(path: Path, read: Callable[[Path], Item]) -> Item | Exception | None:
    try:
        return read(path)
    except FileNotFoundError:  # removed this moment
        return None
    except (OSError, UnicodeDecodeError, YamlError, HostError) as exc:
        return exc


# --- Policies ---


class PolicyFolder:
    """The folder of policies, one file for each requestor."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the folder is."""
        self.path = root / "etc/policy-rc.d"
        self._known = root / "var/lib/orderly/policy.known"

    def file(self, requestor: Requestor) -> Path:
        """Name the file of a requestor."""
        return self.path / requestor.file_name

    def text(self, requestor: Requestor) -> str:
        """Read a requestor's policy as it is written; nothing where there is none."""
        try:
            self._refuse_a_file()
            return read_text(self.file(requestor))
        except FileNotFoundError:
            return ""
        except (OSError, YamlError) as exc:
            raise HostError(
                f"{self.file(requestor)} cannot be read: {exc}.", path=str(self.file(requestor))
            ) from exc

    def write(self, policy: Policy) -> None:
        """Write a policy."""
        write_text(self.file(policy.requestor), policy.render())

    def remove(self, requestor: Requestor) -> None:
        """Remove a requestor's policy."""
        try:
            self.file(requestor).unlink()
        except OSError as exc:
            raise HostError(f"{self.file(requestor)} cannot be removed: {exc.strerror}.") from exc

    def read(self) -> tuple[list[tuple[Path, Policy]], list[str]]:
        """Read all policies, and say which files are none."""
        return read_each(
            sorted(self.path.glob("*.policy")),
            lambda path: (path, parse_policy(read_text(path))),
            "is no policy: what it names, and what it blocked before, stays blocked",
        )

    def _refuse_a_file(self) -> None:
        if self.path.is_file():
            raise HostError(
                f"{self.path} is a file, which the package policyrcd-script-zg2 runs; expected a folder of policies. "
                "Move it to /usr/local/sbin/policy-rc.d, where that package looks first, and run this again.",
                path=str(self.path),
            )

    def effective(self, names: Collection[str]) -> list[Policy]:
        """Read the policies as the script obeys them, also those that cannot be read; *names* are those of units."""
        known = read_last_known("\n".join(read_lines(self._known)))
        return [self._effective(path, known, names) for path in sorted(self.path.glob("*.policy"))]

    @staticmethod
    def _effective(path: Path, known: Mapping[str, Policy], names: Collection[str]) -> Policy:
        policy = _attempt(path, lambda each: parse_policy(read_text(each)))
        if isinstance(policy, Policy):
            return policy
        text = _attempt(path, read_text)  # none where it is a link, or somebody else's
        return assume(path, text if isinstance(text, str) else "", known.get(path.name), names)


class NeedrestartDropIn:
    """The file that tells needrestart, which never asks policy-rc.d, to leave listed units alone too.

    It is there whether needrestart is installed yet or not.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the file is."""
        self.path = root / "etc/needrestart/conf.d/orderly-services.conf"

    def follows(self, policies: Iterable[Policy]) -> bool:
        """Tell whether it says what the policies say."""
        return "\n".join(read_lines(self.path)) == needrestart_settings(policies).rstrip("\n")

    def follow(self, policies: Iterable[Policy]) -> None:
        """Let it say what the policies say; without policies there is no file."""
        settings = needrestart_settings(policies)
        if settings:
            write_text(self.path, settings)
            return
        _remove([self.path])
        for folder in (self.path.parent, self.path.parent.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


# --- Records ---


# A dismissed record has a suffix of its own, so that tools which know only pending ones no longer show it.
_RECORDS = ("*.deferred", "*.dismissed")


def _read_record(path: Path) -> Record:
    return parse_record(read_text(path), str(path))


def _records(paths: Iterable[Path]) -> list[Record]:
    """Read those of some files that are there and are records."""
    return [item for item in (_attempt(path, _read_record) for path in paths) if isinstance(item, Record)]


class DeferredStore:
    """The folders of records: the lasting one, and the one for when that cannot be written."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the folders are."""
        self.folders = (root / "var/lib/policy-rc.d", root / "run/policy-rc.d")
        self._lock = root / "run/orderly/records.lock"

    def read(self) -> tuple[list[Record], list[str]]:
        """Read all records, and say which files are none."""
        newest: dict[
            str, Path
        ] = {}  # what could not be written to the lasting folder is newer than what is there
        for folder in self.folders:
            newest.update((path.name, path) for glob in _RECORDS for path in sorted(folder.glob(glob)))
        found, trouble = read_each(
            newest.values(),
            _read_record,
            "is no record of a deferred restart; remove it when you know why it is there",
        )
        if any(self.folders[1].glob("*.deferred")):
            trouble.append(f"{self.folders[0]} could not be written; see the records in {self.folders[1]}.")
        return found, trouble

    def settle(self, is_settled: Callable[[Record], bool], among: Iterable[str] | None = None) -> list[str]:
        """Remove the records that are settled by what they say now, not by what they said when they were read first.

        *among* names the only files to look at, so that settling unit by unit does not read everything each time.
        """
        with self._locked():
            records = self.read()[0] if among is None else _records(map(Path, among))
            settled = [record.path for record in records if is_settled(record)]
            for path in settled:
                _remove(folder / Path(path).name for folder in self.folders)
            self._merge()
        return settled

    def record(self, event: Event, state: UnitState, boot: str, now: int) -> Record:
        """Write down that an action waits: into the record of its unit and requestor, if there is one."""
        name = replace(event, unit=state.unit or event.unit).file_name
        paths = [folder / name for folder in self.folders]
        with self._locked():
            known = [
                item
                for item in (_attempt(path, _read_record) for path in reversed(paths))
                if isinstance(item, Record)
            ]
            record = note_event(event, known[0] if known else None, state, boot, now)
            write_text(paths[0], record.render())
            _remove([*paths[1:], paths[0].with_suffix(".dismissed")])
            self._merge()
        return replace(record, path=str(paths[0]))

    def exchange(self, changes: Iterable[tuple[Record, Record]]) -> list[Record]:
        """Put records in the place of others, and give those; what is no longer as it was read stays as it is."""
        with self._locked():
            return [
                self._put(new, Path(old.path)) for old, new in changes if _records([Path(old.path)]) == [old]
            ]

    def _put(self, record: Record, old: Path) -> Record:
        path = (self.folders[0] / old.name).with_suffix(".dismissed" if record.dismissed else ".deferred")
        write_text(path, record.render())
        if path != old:
            _remove([old])
        return replace(record, path=str(path))

    def _merge(self) -> None:
        """Move records that could not be written to where they last."""
        lasting, fallback = self.folders
        for path in sorted(fallback.glob("*.deferred")):
            text = _attempt(path, read_text)
            if isinstance(text, str):
                write_text(lasting / path.name, text)
                path.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self._lock.open("a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _remove(paths: Iterable[Path]) -> None:
    for path in filter(os.path.lexists, paths):
        path.unlink()


class HoldFile:
    """The list of packages that we put on hold."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the file is."""
        self.path = root / "var/lib/orderly/holds"

    def read(self) -> list[str]:
        """Read the names of the packages."""
        return read_lines(self.path)

    def write(self, packages: Sequence[str]) -> None:
        """Write the names of the packages; without any there is no file."""
        if not packages:
            _remove([self.path])
        elif list(packages) != self.read():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_text(self.path, "".join(f"{package}\n" for package in packages))
