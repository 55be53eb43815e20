"""Upgrading packages: what the module says of it, with check mode and diff."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.apt import Apt
from ansible_collections.orderly.services.plugins.modules import package_upgrade
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Run = Callable[..., dict[str, Any]]


class FakeHost:
    """Has nginx installed, of which there is a newer version to fetch and to install."""

    def __init__(self) -> None:
        self.fetched = self.installed = False

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        assert environ_update["LC_ALL"].startswith("C")
        if args[0] == "dpkg-query":
            return 0, "install\tinstalled\tok\tnginx\tnginx\t1.0\n", ""
        if "--simulate" in args:
            return 0, "" if self.installed else "Inst nginx [1.0] (2.0 Debian:12/stable [amd64])\n", ""
        if "--print-uris" in args:
            there = self.fetched or self.installed
            return 0, "" if there else "'http://deb/nginx.deb' nginx_2.0_amd64.deb 12 SHA256:ab\n", ""
        if "--download-only" in args:
            self.fetched = True
        else:
            self.installed = True
        return 0, "", ""


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def run(host: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    (tmp_path / "var/lib/apt/lists").mkdir(parents=True)  # an index of just now
    monkeypatch.setattr(package_upgrade, "Apt", partial(Apt, root=tmp_path))
    return partial(run_module, package_upgrade, monkeypatch, host.run, packages=["nginx"])


@pytest.mark.parametrize(
    ("state", "before", "after"), [("fetched", "", "nginx 2.0\n"), ("latest", "nginx 1.0\n", "nginx 2.0\n")]
)
def test_check_mode_and_diff_say_what_the_run_does_once(
    run: Run, host: FakeHost, state: str, before: str, after: str
) -> None:
    foreseen = run(state=state, check_mode=True)
    assert not host.fetched
    assert not host.installed
    done = run(state=state)
    assert foreseen == done
    assert (done["changed"], done["diff"]["before"], done["diff"]["after"]) == (True, before, after)
    again = run(state=state)
    assert (again["changed"], again["diff"]["before"], again["diff"]["after"]) == (False, "", "")
