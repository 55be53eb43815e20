from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy_files import (
    NeedrestartDropIn,
    PolicyFolder,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.script import PolicyScript
from ansible_collections.orderly.services.plugins.module_utils._deferral.scripts_of_packages import (
    Finding,
    Script,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.wants_hold import Reason
from ansible_collections.orderly.services.plugins.modules import restart_policy
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Scripts:
    """Maintainer scripts of which one insists that its daemon is stopped."""

    def __init__(self) -> None:
        self.looked_at: list[str] = []

    def why_hold(self, units: list[str]) -> Finding | None:
        self.looked_at += units
        reason = Reason("stops it without asking", "systemctl stop db", 7, ("db.service",))
        return Finding(Script("db", "1.1", "preinst", ""), reason) if "db" in str(units) else None


@pytest.fixture
def scripts() -> Scripts:
    return Scripts()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripts: Scripts) -> Callable[..., dict[str, Any]]:
    """Give the module, on a host that knows the unit demo.service."""
    host = FakeHost()
    host.add("demo.service")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/policy-rc.d").touch()
    monkeypatch.setattr(restart_policy, "PolicyFolder", lambda: PolicyFolder(tmp_path))
    monkeypatch.setattr(restart_policy, "PolicyScript", lambda: PolicyScript(tmp_path))
    monkeypatch.setattr(restart_policy, "NeedrestartDropIn", lambda: NeedrestartDropIn(tmp_path))
    monkeypatch.setattr(restart_policy, "PackageScripts", lambda _run: scripts)
    return partial(run_module, restart_policy, monkeypatch, host.run, name="webteam")


def policies(root: Path) -> list[str]:
    return [path.name for path in (root / "etc").rglob("*.policy")]


def test_writes_the_policy_once(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    foreseen = run(units=["nginx.service"], check_mode=True)
    assert policies(tmp_path) == []
    done = run(units=["nginx.service"])
    assert done["changed"] is foreseen["changed"] is True
    assert done["diff"] == foreseen["diff"]
    assert done["diff"]["after"] == (tmp_path / "etc/policy-rc.d/ansible-webteam.policy").read_text()
    assert done["blocked_actions"] == {"nginx.service": ("restart", "stop", "try-restart")}
    assert not run(units=["nginx.service"])["changed"]


def test_a_unit_whose_package_cannot_be_upgraded_under_it_is_not_listed(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    for check_mode in (True, False):
        refused = run(units=["nginx.service", "db.service"], check_mode=check_mode)
        assert refused["msg"] == (
            "db cannot be upgraded while db.service runs, so the restarts of db.service cannot be deferred by denying "
            'them: the preinst of version 1.1 stops it without asking (line 7: "systemctl stop db"). Put the package '
            "on hold with orderly.services.package_hold, as the role orderly.services.deferral does for services that "
            "say deferral: hold; or set force to true if you know better."
        )
        assert policies(tmp_path) == []
    assert run(units=["db.service"], actions=["reload"])["changed"]
    assert run(units=["db*.service"])["changed"]  # nobody knows yet which these are
    assert run(units=["db.service"], trusted_units=["db.service"])["changed"]
    assert run(units=["db.service"], actions=["stop", "reload"], force=True)["changed"]


def test_packages_are_looked_at_when_the_policy_changes_alone(
    run: Callable[..., dict[str, Any]], scripts: Scripts
) -> None:
    for _twice in range(2):
        run(units=["nginx.service"])
    run(state="absent")
    assert scripts.looked_at == ["nginx.service"]


def test_removes_the_policy_once(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    run(units=["nginx.service"])
    assert run(state="absent", check_mode=True)["changed"]
    assert policies(tmp_path) == ["ansible-webteam.policy"]
    assert run(state="absent")["changed"]
    assert policies(tmp_path) == []
    assert not run(state="absent")["changed"]


def test_blocks_other_actions_where_asked(run: Callable[..., dict[str, Any]]) -> None:
    done = run(units=["a.service"], actions=["reload"], blocked_actions={"b.service": ["stop"]})
    assert done["blocked_actions"] == {"a.service": ("reload",), "b.service": ("stop",)}


def test_a_unit_of_the_host_is_a_service_too(run: Callable[..., dict[str, Any]]) -> None:
    assert list(run(services=["demo"])["blocked_actions"]) == ["demo.service"]


def test_a_policy_that_nobody_would_ask_is_refused(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "usr/sbin/policy-rc.d").unlink()
    refused = run(units=["nginx.service"])
    assert "No package asks for policies here" in refused["msg"]
    assert "Run the playbook orderly.services.defer_restarts" in refused["msg"]
    assert policies(tmp_path) == []
    foreseen = run(units=["nginx.service"], check_mode=True)
    assert foreseen["changed"]
    assert "No package asks for policies here" in str(foreseen["warnings"])
    assert not run(state="absent")["changed"]


def test_a_script_that_the_play_itself_installs_is_not_missed_in_check_mode(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "usr/sbin/policy-rc.d").unlink()
    assert not run(units=["nginx.service"], check_mode=True, script_expected=True).get("warnings")
    assert "No package asks" in run(units=["nginx.service"], script_expected=True)["msg"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"services": ["nosuch"]}, 'Unknown service "nosuch" on '),
    ({}, "would block nothing"),
    ({"units": ["a b"]}, '"a b" is not a unit name'),
    ({"units": ["a"], "name": "../x"}, '"../x" cannot be the name of a policy'),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_says_what_is_wrong_and_writes_nothing(
    run: Callable[..., dict[str, Any]], tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    done = run(**given)
    assert done["failed"]
    assert message in done["msg"]
    assert policies(tmp_path) == []
