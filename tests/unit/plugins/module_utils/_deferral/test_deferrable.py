from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.deferrable import ServiceTask
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Policy, Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy_files import PolicyFolder
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict import Strict
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict_files import StrictMode
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import Paused, PausedFolder
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import BOOT, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

USUAL = {
    "name": None, "state": None, "enabled": None, "masked": None, "force": None, "daemon_reload": False,
    "daemon_reexec": False, "scope": "system", "no_block": False, "defer": "auto", "changed_files": [],
    "reason": "why not",
}  # fmt: skip


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """Give a host on which alpha must not be restarted, and beta may."""
    host = FakeHost()
    host.add("alpha.service", Names="alpha.service first.service")
    host.add("beta.service")
    boot = tmp_path / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text(BOOT)
    PolicyFolder(tmp_path).write(
        Policy(Requestor("ansible", "team"), {"alpha.service": ("restart", "stop", "try-restart")})
    )
    return host


def task(host: FakeHost, root: Path, **wanted: Any) -> ServiceTask:
    return ServiceTask({**USUAL, **wanted}, host.run, offline=False, root=root, clock=lambda: 1000.0)


def records(root: Path) -> list[tuple[str, str, str]]:
    return [(record.unit, record.action, record.reason) for record in DeferredStore(root).read()[0]]


DEFERRALS = [
    ({"name": "alpha", "state": "restarted"}, "restart"),
    ({"name": "alpha.service", "state": "stopped"}, "stop"),
    ({"name": "first", "state": "restarted"}, "restart"),
    ({"name": "alpha", "state": "reloaded"}, ""),
    ({"name": "alpha", "state": "restarted", "defer": "never"}, ""),
    ({"name": "alpha", "state": "restarted", "scope": "user"}, ""),
    ({"name": "beta", "state": "restarted"}, ""),
    ({"name": "beta", "state": "restarted", "defer": "always"}, "restart"),
    ({"name": "beta", "state": "reloaded", "defer": "always"}, "reload"),
    ({"name": "beta", "state": "stopped", "defer": "always"}, ""),
]


@pytest.mark.parametrize(("wanted", "deferred"), DEFERRALS)
def test_defers_what_packages_may_not_do(
    host: FakeHost, tmp_path: Path, wanted: dict[str, Any], deferred: str
) -> None:
    result = task(host, tmp_path, **wanted).perform()
    assert result["changed"]
    assert result["deferred"] is bool(deferred)
    assert bool(host.orders) is not bool(deferred)
    assert len(records(tmp_path)) == bool(deferred)


def test_the_record_says_who_and_why(host: FakeHost, tmp_path: Path) -> None:
    result = task(host, tmp_path, name="alpha", state="restarted", changed_files=["/b", "/a"]).perform()
    assert result["deferred_action"] == "restart"
    assert result["requestors"] == ["ansible team"]
    assert records(tmp_path) == [("alpha.service", "restart", "File(s) changed: /a, /b")]


def test_check_mode_only_tells(host: FakeHost, tmp_path: Path) -> None:
    assert task(host, tmp_path, name="alpha", state="restarted").foresee()["deferred"]
    assert task(host, tmp_path, name="beta", state="restarted", daemon_reload=True).foresee()["changed"]
    assert host.orders == []
    assert records(tmp_path) == []


def test_the_record_is_written_before_anything_can_fail(host: FakeHost, tmp_path: Path) -> None:
    task(host, tmp_path, name="alpha", state="restarted", enabled=False).perform()
    assert host.orders == ["disable alpha.service"]
    assert records(tmp_path) != []


def test_a_paused_unit_is_left_alone(host: FakeHost, tmp_path: Path) -> None:
    PausedFolder(tmp_path).write(Paused("beta.service", was_active=True, masked=True, since=1))
    result = task(host, tmp_path, name="beta", state="started", masked=False).perform()
    assert result["paused"]
    assert not result["changed"]
    assert host.orders == []


def test_a_unit_in_strict_mode_is_restarted_in_spite_of_it(host: FakeHost, tmp_path: Path) -> None:
    strict = StrictMode(Systemd(host.run), host.run, tmp_path)
    strict.put([Strict("beta.service", "ada", 60)])
    host.commands.clear()
    task(host, tmp_path, name="beta", state="restarted").perform()
    timer = "stop orderly-lift-strict-beta.timer"
    assert host.orders == ["daemon-reload", timer, "restart beta.service", timer, "daemon-reload"]
    assert list(strict.read()) == ["beta.service"]


def test_the_manager_alone_can_be_reloaded(host: FakeHost, tmp_path: Path) -> None:
    assert not task(host, tmp_path, daemon_reload=True).perform()["changed"]
    assert host.orders == ["daemon-reload"]
