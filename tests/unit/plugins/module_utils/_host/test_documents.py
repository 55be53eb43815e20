from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import HoldFile
from ansible_collections.orderly.services.plugins.module_utils._haproxy.drain import DrainRecord
from ansible_collections.orderly.services.plugins.module_utils._host.documents import (
    VERSION,
    read_document,
    write_document,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError, NewerFormatError
from ansible_collections.orderly.services.plugins.module_utils._records.drained import Drained, DrainedFolder
from ansible_collections.orderly.services.plugins.module_utils._records.finalized import (
    read_finalized,
    write_finalized,
)
from ansible_collections.orderly.services.plugins.module_utils._records.store_stamp import (
    Stamp,
    StampChange,
    read_stamp,
)
from ansible_collections.orderly.services.plugins.module_utils._records.temporary import (
    TemporaryChange,
    TemporaryFolder,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import Paused, PausedFolder

if TYPE_CHECKING:
    from collections.abc import Callable

STAMP = Stamp("0123456789", "etcd://a", 7, {"web": 3})
NEWER = "has format 2, which orderly.services 9.0.0 wrote, and .* knows format 1; it is left as it is"


def test_documents_say_which_version_wrote_them() -> None:
    galaxy = yaml.safe_load((Path(__file__).parents[5] / "galaxy.yml").read_text())
    assert galaxy["version"] == VERSION


# Every kind of document under /var/lib/orderly: where it is, how it is written, and how it is read.
KINDS: dict[str, tuple[str, Callable[[Path], object], Callable[[Path], object]]] = {
    "paused": (
        "var/lib/orderly/paused/web.service",
        lambda root: PausedFolder(root).write(Paused("web.service", True, True, 7)),
        lambda root: PausedFolder(root).read(),
    ),
    "drained": (
        "var/lib/orderly/drained/service-web.json",
        lambda root: DrainedFolder(root / "var/lib/orderly/drained").write([Drained("web", "reboot")]),
        lambda root: DrainedFolder(root / "var/lib/orderly/drained").read(),
    ),
    "drained server": (
        "var/lib/orderly/drained/haproxy-web%2Fweb1.json",
        lambda root: DrainRecord(root / "var/lib/orderly/drained", "web/web1").keep(7),
        lambda root: DrainRecord(root / "var/lib/orderly/drained", "web/web1").exists(),
    ),
    "temporary": (
        "var/lib/orderly/temporary/web,pin.json",
        lambda root: TemporaryFolder(root / "var/lib/orderly/temporary").write(
            [TemporaryChange("web", "pin", "upgraded")]
        ),
        lambda root: TemporaryFolder(root / "var/lib/orderly/temporary").read(),
    ),
    "finalized": (
        "var/lib/orderly/finalized.json",
        lambda root: write_finalized(root / "var/lib/orderly/finalized.json", {"web": "friday"}),
        lambda root: read_finalized(root / "var/lib/orderly/finalized.json"),
    ),
    "stamp": (
        "var/lib/orderly/store-stamp.json",
        lambda root: StampChange(read_stamp(root / "var/lib/orderly/store-stamp.json"), STAMP).carry_out(
            root / "var/lib/orderly/store-stamp.json"
        ),
        lambda root: read_stamp(root / "var/lib/orderly/store-stamp.json"),
    ),
    "holds": (
        "var/lib/orderly/holds",
        lambda root: HoldFile(root).write(["mariadb-server"]),
        lambda root: HoldFile(root).read(),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_documents_of_every_kind_carry_their_format(tmp_path: Path, kind: str) -> None:
    name, write, read = KINDS[kind]
    write(tmp_path)
    told = json.loads((tmp_path / name).read_text())
    assert (told["format"], told["version"]) == (1, VERSION)
    found = read(tmp_path)
    (tmp_path / name).write_text(json.dumps({**told, "more": "kept"}))
    assert read(tmp_path) == found


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_newer_version_wrote_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    name, write, read = KINDS[kind]
    write(tmp_path)
    newer = json.dumps({"format": 2, "version": "9.0.0"})
    (tmp_path / name).write_text(newer)
    with pytest.raises(NewerFormatError, match=f"{tmp_path / name} {NEWER}"):
        read(tmp_path)
    with pytest.raises(NewerFormatError, match=NEWER):
        write(tmp_path)
    assert (tmp_path / name).read_text() == newer


OLD: dict[str, Any] = {
    "drained": asdict(Drained("web", "reboot")),
    "drained server": {"server": "web/web1", "since": 7},
    "temporary": asdict(TemporaryChange("web", "pin", "upgraded")),
    "finalized": {"web": "friday"},
    "stamp": asdict(STAMP),
}


@pytest.mark.parametrize("kind", OLD)
def test_what_has_no_format_is_read_as_the_first_one(tmp_path: Path, kind: str) -> None:
    name, write, read = KINDS[kind]
    write(tmp_path)
    found = read(tmp_path)
    (tmp_path / name).write_text(json.dumps(OLD[kind]))
    assert read(tmp_path) == found


def test_holds_of_the_first_versions_are_read(tmp_path: Path) -> None:
    HoldFile(tmp_path).write(["x"])
    HoldFile(tmp_path).path.write_text("mariadb-server\nredis\n")
    assert HoldFile(tmp_path).read() == ["mariadb-server", "redis"]


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    write_document(tmp_path / "x", {"a": 1, "b": 2})
    write_document(tmp_path / "x", {"b": 3})
    assert read_document(tmp_path / "x") == {"a": 1, "b": 3, "format": 1, "version": VERSION}


@pytest.mark.parametrize("text", ["", "[]", "?", "[" * 100_000, "\x00"])
def test_what_is_no_document_is_an_error_and_may_be_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(HostError, match=r"^it is no document"):
        read_document(tmp_path / "x")
    write_document(tmp_path / "x", {"a": 1})
    assert read_document(tmp_path / "x")["a"] == 1
