from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict import Strict
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict_files import StrictMode
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DB, WEB = Strict("db.service", "ada", 60), Strict("web.service", "ada", 60)


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    for unit in ("db.service", "web.service"):
        host.add(unit)
    return host


def strict_mode(host: FakeHost, root: Path) -> StrictMode:
    return StrictMode(Systemd(host.run), host.run, root)


def test_a_unit_is_strict_until_it_is_lifted_and_the_others_stay(host: FakeHost, tmp_path: Path) -> None:
    strict = strict_mode(host, tmp_path)
    strict.put([DB, WEB])
    assert strict.read() == {"db.service": DB, "web.service": WEB}
    assert strict.lift(["db.service", "nosuch.service"]) == (DB,)
    assert strict.read() == {"web.service": WEB}
    assert not strict.path("db.service").parent.exists()
    assert host.orders[-2:] == ["daemon-reload", "stop orderly-lift-strict-db.timer"]


def test_what_is_not_strict_is_lifted_without_a_word_to_systemd(host: FakeHost, tmp_path: Path) -> None:
    strict = strict_mode(host, tmp_path)
    strict.put([])
    assert strict.lift(["db.service"]) == ()
    assert host.commands == []


def test_a_timer_lifts_it_also_where_systemd_has_forgotten_us(host: FakeHost, tmp_path: Path) -> None:
    strict_mode(host, tmp_path).put([DB])
    (timer,) = (command for command in host.commands if command[0] == "systemd-run")
    assert "--on-active=60" in timer
    drop_in = tmp_path / "run/systemd/system/db.service.d/50-orderly-strict.conf"
    assert timer[-1].startswith(f"rm -f {drop_in} && rmdir ")
    assert ";" not in timer[-1]


def test_without_a_timer_it_is_not_set_at_all(host: FakeHost, tmp_path: Path) -> None:
    def run(args: Sequence[str], **options: object) -> tuple[int, str, str]:
        return (1, "", "Access denied\n") if args[0] == "systemd-run" else host.run(args, **options)

    strict = StrictMode(Systemd(run), run, tmp_path)
    with pytest.raises(HostError, match=r"db.service could not be set, .* not set either: Access denied$"):
        strict.put([DB])
    assert strict.read() == {}


def test_a_drop_in_of_others_is_no_strict_mode(host: FakeHost, tmp_path: Path) -> None:
    strict = strict_mode(host, tmp_path)
    strict.path("db.service").parent.mkdir(parents=True)
    strict.path("db.service").write_text("[Unit]\nRefuseManualStop=yes\n")
    strict.path("web.service").parent.mkdir()
    strict.path("web.service").with_name("own.conf").write_text("[Unit]\n")
    assert strict.read() == {}


def test_which_units_are_pacemakers_is_told_or_refused(host: FakeHost, tmp_path: Path) -> None:
    strict = strict_mode(host, tmp_path)
    assert strict.cluster_units() == {}
    host.add("pacemaker_remote.service")
    with pytest.raises(HostError, match="a remote node of pacemaker, whose configuration is elsewhere"):
        strict.cluster_units()
    cib = tmp_path / "var/lib/pacemaker/cib/cib.xml"
    cib.parent.mkdir(parents=True)
    cib.write_text('<cib><primitive id="lb" class="systemd" type="haproxy"/></cib>')
    assert strict.cluster_units() == {"haproxy.service": "lb"}
