from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import HoldFile
from ansible_collections.orderly.services.plugins.module_utils._host.documents import write_document
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._records.drained import Drained, DrainedFolder
from ansible_collections.orderly.services.plugins.module_utils._records.temporary import (
    TemporaryChange,
    TemporaryFolder,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import Paused, PausedFolder
from ansible_collections.orderly.services.plugins.module_utils._status import read as status_reader
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    BOOT,
    FakeHost,
    record_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

HELD = (
    "install\tinstalled\tok\tdemo\tdemo\t1.1\n"
    "hold\tinstalled\tok\tmariadb-server\tmariadb-server\t1.0\n"
    "hold\tinstalled\tok\tgone\tgone\t2.0\n"
)
HALF = "install\tunpacked\tok\thalfd\thalfd\t2.0\n"
REPLACED = "7f1c-7f1d r-xp 00001000 08:01 12  /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n"
POLICY = "mariadb-server:\n  Installed: 1.0\n  Candidate: 1.1\n  Version table:\n *** 1.0 500\n"
BATCH = "NEEDRESTART-VER: 3.6\nNEEDRESTART-SVC: cron.service\nNEEDRESTART-SVC: nginx.service\n"


class Host(FakeHost):
    """A host with packages on hold, and needrestart where its file is."""

    packages = HELD

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        answers = {"hold": self.packages, "apt-cache": POLICY, "needrestart": BATCH}
        kind = "hold" if "Status-Want" in args[-1] else args[0].rpartition("/")[2]
        if kind in answers:
            self.commands.append(list(args))
            return 0, answers[kind], ""
        return super().run(args, environ_update=environ_update)


@pytest.fixture
def host() -> Host:
    host = Host(versions={"demo": "1.1"})
    host.add("nginx.service")
    return host


@pytest.fixture
def root(tmp_path: Path) -> Path:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    write("proc/sys/kernel/random/boot_id", BOOT)
    write("var/lib/policy-rc.d/x-nginx.service.deferred", record_text("nginx.service"))
    PausedFolder(tmp_path).write(Paused("redis.service", True, True, 1000, "new disk"))
    return tmp_path


@pytest.fixture
def read(host: Host, root: Path) -> Callable[..., dict[str, Any]]:
    return lambda **options: status_reader.read_status(host.run, root=root, **options).as_dict()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)


def test_everything_is_put_together(read: Callable[..., dict[str, Any]]) -> None:
    found = read()
    assert [entry["unit"] for entry in found["pending"]] == ["nginx.service"]
    assert found["paused"] == [
        {"unit": "redis.service", "since": "1970-01-01T00:16:40Z", "reason": "new disk"}
    ]
    assert found["on_hold"] == [
        {"package": "mariadb-server", "version": "1.0", "candidate": "1.1"},
        {"package": "gone", "version": "2.0", "candidate": ""},
    ]
    assert found["not_checked"] == {"outdated": "not requested"}
    assert found["temporary_changes"] == []


def test_what_goes_along_with_a_pending_restart_is_read_over_all_levels(
    read: Callable[..., dict[str, Any]], host: Host
) -> None:
    host.add("nginx.service", ConsistsOf="near.service")
    host.add("near.service", RequiredBy="far.service")
    host.add("far.service")
    assert read()["pending"][0]["along"] == ["near.service", "far.service"]


def test_a_package_that_dpkg_has_not_finished_is_trouble_while_no_dpkg_is_at_work(
    host: Host, read: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.packages = HALF
    assert read()["trouble"] == ["halfd is unpacked, not configured: run dpkg --configure -a"]
    monkeypatch.setattr(status_reader.DpkgLock, "holder", lambda _lock: "PID 1 (apt-get) holds it")
    assert read()["trouble"] == []


def test_what_an_upgrade_has_not_put_on_hold_again_is_trouble_while_no_dpkg_is_at_work(
    read: Callable[..., dict[str, Any]], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HoldFile(root).write(["other"], ["mariadb-server", "postgresql-15"])  # mariadb-server is still on hold
    assert read()["trouble"][0].startswith(
        "An upgrade released postgresql-15 and has not put it on hold again."
    )
    assert not read()["auto_restarts"]  # the other is still on hold
    monkeypatch.setattr(status_reader.DpkgLock, "holder", lambda _lock: "PID 1 (apt-get) holds it")
    assert read()["trouble"] == []


def test_what_is_changed_for_a_while_is_told_without_what_it_was(
    read: Callable[..., dict[str, Any]], root: Path
) -> None:
    pinned = TemporaryChange("nova", "rpc", "upgraded", "a secret", "friday-1", 1000)
    folder = TemporaryFolder(root / "var/lib/orderly/temporary")
    folder.write([pinned])
    assert read()["temporary_changes"] == [
        {
            "service": "nova",
            "name": "rpc",
            "until": "upgraded",
            "campaign": "friday-1",
            "since": "1970-01-01T00:16:40Z",
        }
    ]
    (folder.path / "nova,rpc.json").write_text("?")
    assert "nova,rpc.json does not say what was changed" in read()["trouble"][0]


@pytest.mark.parametrize("name", ["paused/redis.service", "temporary/web,x.json", "holds"])
def test_what_a_newer_version_wrote_is_trouble_and_the_rest_is_told(
    read: Callable[..., dict[str, Any]], root: Path, name: str
) -> None:
    (root / "var/lib/orderly/temporary").mkdir()
    (root / "var/lib/orderly" / name).write_text('{"format": 2, "version": "9.0.0"}')
    found = read()
    assert [entry["unit"] for entry in found["pending"]] == ["nginx.service"]
    assert found["trouble"][0].startswith(
        f"{root / 'var/lib/orderly' / name} has format 2, which orderly.services 9.0.0 wrote"
    )


def test_a_package_that_we_hold_means_that_restarts_are_off(
    read: Callable[..., dict[str, Any]], root: Path
) -> None:
    assert read()["auto_restarts"]
    (root / "var/lib/orderly").mkdir(exist_ok=True)
    (root / "var/lib/orderly/holds").write_text("mariadb-server\n", encoding="utf-8")
    assert not read()["auto_restarts"]


def test_needrestart_is_asked_where_that_is_wanted(read: Callable[..., dict[str, Any]], root: Path) -> None:
    assert read(outdated=True)["not_checked"]["outdated"].startswith("no process can be read in ")
    for path, text in {"maps": REPLACED, "cgroup": "0::/system.slice/web.service\n"}.items():
        (root / "proc/7").mkdir(exist_ok=True)
        (root / "proc/7" / path).write_text(text)
    found = read(outdated=True)
    assert found["outdated"] == ["web.service"]
    assert found["not_checked"] == {"interpreted": "needrestart is not installed"}
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/needrestart").touch()
    found = read(outdated=True)
    assert found["outdated"] == ["cron.service"]
    assert found["not_checked"] == {}


@pytest.mark.usefixtures("nobody")
def test_what_only_root_can_tell_is_not_checked(read: Callable[..., dict[str, Any]], root: Path) -> None:
    found = read(outdated=True)
    assert found["not_checked"] == dict.fromkeys(["paused", "drained", "outdated"], "only root can tell")
    assert found["paused"] == []
    text = record_text("nginx.service", action="reload", actions="[reload]")
    (root / "var/lib/policy-rc.d/x-nginx.service.deferred").write_text(text, encoding="utf-8")
    assert read()["not_checked"]["reloads"] == "only root can tell"


def test_a_hidden_folder_is_not_taken_for_an_empty_one(
    read: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    with pytest.raises(
        HostError, match=r"var/lib/policy-rc.d cannot be read by this user; run this as root\."
    ):
        read()


@pytest.mark.parametrize("units", [1, 20, 200])
def test_the_number_of_commands_does_not_grow_with_that_of_units(host: Host, root: Path, units: int) -> None:
    for number in range(units):
        name = f"unit{number}.service"
        host.add(name)
        (root / f"var/lib/policy-rc.d/x-{name}.deferred").write_text(record_text(name), encoding="utf-8")
    read = partial(status_reader.read_status, host.run, root=root)
    assert len(read().as_dict()["pending"]) == units + 1
    assert [command[0] for command in host.commands] == ["systemctl", "dpkg-query", "apt-cache"]


@pytest.mark.usefixtures("nobody")
def test_others_than_root_do_not_look_where_only_root_may(
    read: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_folder: object) -> None:
        raise PermissionError("/var/lib/orderly/restarting")

    monkeypatch.setattr(status_reader.UnfinishedFolder, "read", refused)
    assert [entry["unit"] for entry in read()["pending"]] == ["nginx.service"]


# --- Services that should run, and what operations have left ---


@pytest.fixture
def noted(root: Path) -> None:
    (root / "usr/lib/orderly").mkdir(parents=True, exist_ok=True)
    text = '{"format": 1, "services": {"web": ["nginx.service"], "cache": ["redis.service", "db.service"]}}'
    (root / "usr/lib/orderly/services.json").write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("noted")
def test_units_of_services_that_should_run_and_do_not_are_told(
    read: Callable[..., dict[str, Any]], host: Host
) -> None:
    host.add("redis.service", ActiveState="inactive", SubState="dead")  # paused
    host.add("db.service", ActiveState="inactive", SubState="dead", UnitFileState="enabled")
    host.add("nginx.service", ActiveState="failed", SubState="failed")
    found = read()
    assert [(each["unit"], each["word"]) for each in found["down"]] == [
        ("db.service", "stopped"),
        ("nginx.service", "down"),
    ]
    assert found["services"] == {"web": ["nginx.service"], "cache": ["redis.service", "db.service"]}


@pytest.mark.usefixtures("noted", "nobody")
def test_who_cannot_see_what_is_paused_takes_nothing_for_stopped(
    read: Callable[..., dict[str, Any]], host: Host
) -> None:
    host.add("redis.service", ActiveState="inactive", SubState="dead", UnitFileState="enabled")
    host.add("nginx.service", ActiveState="failed", SubState="failed")
    found = read()
    assert [each["unit"] for each in found["down"]] == ["nginx.service"]
    assert found["not_checked"]["stopped"] == "only root can tell"


def test_nothing_is_told_of_units_where_nobody_noted_which_there_are(
    read: Callable[..., dict[str, Any]], root: Path
) -> None:
    assert (read()["services"], read()["down"]) == ({}, [])
    (root / "usr/lib/orderly").mkdir(parents=True)
    (root / "usr/lib/orderly/services.json").write_text("?", encoding="utf-8")
    assert "services.json cannot be read, so nobody looks whether services run" in read()["trouble"][-1]


def test_what_an_operation_has_drained_and_the_store_of_its_locks_are_told(
    read: Callable[..., dict[str, Any]], root: Path
) -> None:
    DrainedFolder(root / "var/lib/orderly/drained").write([Drained("web", "restart", "roll-1", 1000)])
    stamp = {"id": "0123", "name": "sqlite:///store.db", "since": 1000, "tokens": {}}
    write_document(root / "var/lib/orderly/store-stamp.json", stamp)
    found = read()
    since = "1970-01-01T00:16:40Z"
    assert found["drained"] == [{"service": "web", "operation": "restart", "roll": "roll-1", "since": since}]
    assert found["store"] == {"id": "0123", "name": "sqlite:///store.db", "since": since}


@pytest.mark.usefixtures("noted")
def test_services_whose_units_are_not_what_people_mean_are_told(
    read: Callable[..., dict[str, Any]], host: Host, root: Path
) -> None:
    host.add("nginx.service", Type="oneshot", ConsistsOf="nginx@main.service")
    host.add("nginx@main.service")
    host.add("lonely.service")
    (root / "var/lib/policy-rc.d/x-lonely.service.deferred").write_text(record_text("lonely.service"))
    found = read()
    assert found["without_service"] == ["lonely.service"]
    assert [(each["service"], each["units"]) for each in found["absent_services"]] == [
        ("cache", ["redis.service", "db.service"])
    ]
    assert found["absent_services"][0]["says"] == (
        "cache: there is no redis.service, db.service here, so no restart of it is deferred. List its units as "
        "systemctl list-units shows them, or take the host out of its group; then run defer_restarts again."
    )
    assert [(each["unit"], each["groups"]) for each in found["umbrellas"]] == [
        ("nginx.service", ["nginx@main.service"])
    ]


@pytest.mark.usefixtures("noted")
def test_services_that_are_given_count_in_place_of_those_that_were_noted(
    read: Callable[..., dict[str, Any]],
) -> None:
    assert read()["services"].keys() == {"web", "cache"}
    found = read(services={"other": ["gone.service"]})
    assert (found["services"], found["without_service"]) == ({"other": ["gone.service"]}, ["nginx.service"])
    assert read(services={})["without_service"] == []
