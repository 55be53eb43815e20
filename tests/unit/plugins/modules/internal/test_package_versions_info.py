from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.modules.internal import package_versions_info
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import record_text
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

WEB = {"name": "web", "packages": ["demo"], "units": ["alpha.service"]}


def answer(args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
    if args[0] == "systemctl":
        return 0, "FragmentPath=/lib/systemd/system/alpha.service\n", ""
    if args[:2] == ["dpkg-query", "--search"]:
        return 0, "demo: /lib/systemd/system/alpha.service\n", ""
    if args[0] == "apt-cache":
        return 0, "demo:\n  Candidate: 2\n", ""
    return 0, "install\tinstalled\tok\tdemo\tdemo\t2\n", environ_update["LC_ALL"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run the module on a host where alpha was not started anew since its package changed."""
    stale = {"alpha.service": ("demo",)}
    monkeypatch.setattr(
        package_versions_info, "stale_units", lambda _run, units: stale if "alpha.service" in units else {}
    )
    monkeypatch.setattr(package_versions_info, "DeferredStore", partial(DeferredStore, tmp_path))
    monkeypatch.setattr(package_versions_info.platform, "node", lambda: "web1")
    return partial(run_module, package_versions_info, monkeypatch, answer, services=[WEB])


def test_a_unit_that_runs_what_was_there_before_fails_the_host(run: Callable[..., dict[str, Any]]) -> None:
    assert run(finished=True)["msg"] == (
        "web1 is not upgraded: alpha.service still runs what it was started with before demo changed, and nothing asks "
        "for its restart: let step 5 of its role restart it (restart_services with include_stale), and run this again."
    )


def test_before_the_change_it_is_nothing_to_fail_for(run: Callable[..., dict[str, Any]]) -> None:
    assert run()["services"] == {"web": {"demo": {"installed": "2", "candidate": "2"}}}


def test_what_was_recorded_is_read_besides_what_its_units_are_of(run: Callable[..., dict[str, Any]]) -> None:
    services = [{"name": "web", "packages": [], "units": ["alpha.service"], "recorded": ["demo-core"]}]
    none = {"installed": "", "candidate": ""}
    assert run(services=services)["services"] == {
        "web": {"demo": {"installed": "2", "candidate": "2"}, "demo-core": none}
    }
    services[0]["recorded"] = ["--purge"]
    assert '"--purge" is not a package name' in run(services=services)["msg"]


def test_a_restart_that_is_on_record_may_wait(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "var/lib/policy-rc.d"
    folder.mkdir(parents=True)
    (folder / "x.deferred").write_text(record_text("alpha.service"))
    assert "services" in run(finished=True)
