"""What to think about before restarts are deferred is read from packages, and said with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.cautions import Cautions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# As in Debian 12: functions of another package, and a prerm that finds what depends on it.
POSTGRESQL = "#!/bin/sh\n. /usr/share/postgresql-common/maintscripts-functions\nstop_version $VERSION\n"
FUNCTIONS = (
    'stop_version() {\n  deb-systemd-invoke stop "postgresql@$1-*"\n}\nother() { invoke-rc.d web stop; }\n'
)
ERLANG = "#!/bin/sh\nfor service in $services; do\n  systemctl stop $service\ndone\n"
SNIPPET = (
    "#!/bin/sh\n# Automatically added by dh_installsystemd/13\n"
    "{}deb-systemd-invoke stop 'web.service' >/dev/null || true{}\n# End automatically added section\n"
)
ACTIVE = {"web.service", "cache.service", "side.socket", "drags.service", "db.service"}


class Host:
    """A host with a package of each service, and erlang-base, which the package web needs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.want = "install"
        self.write("var/lib/dpkg/info/web.list", "/lib/systemd/system/web.service\n")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def __call__(self, args: Sequence[str], *, environ_update: dict[str, str]) -> tuple[int, str, str]:
        assert environ_update == {"LC_ALL": "C"}
        named = args[args.index("--") + 1 :]
        if args[0] == "systemctl":
            return 0, "\n".join(map(self._show, named)), ""
        if "--search" in args:
            unit = named[0].rpartition("/")[2]
            return 0, f"{unit.partition('.')[0].partition('@')[0]}: /lib/systemd/system/{unit}\n", ""
        if "Depends" in args[2]:
            return 0, "adduser, erlang-base (>= 1:24) | esl-erlang, libc6:any, \n", ""
        return 0, f"{self.want}\tinstalled\tok\terlang-base\terlang-base\t25\n", ""

    def _show(self, unit: str) -> str:
        state = "active" if unit in ACTIVE else "inactive"
        drags = "RequiredBy=web.service\n" if unit == "drags.service" else ""
        return (
            f"Id={unit}\nNames={unit}\nLoadState=loaded\nActiveState={state}\nFragmentPath=/lib/systemd/system/{unit}\n"
            f"ExecStart=\n{drags}"
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def said(host: Host, *units: str, strict: Sequence[str] = (), **more: Any) -> list[str]:
    service = {"name": "web", "units": list(units or ["web.service"]), "variable": "web_deferral", **more}
    return list(Cautions(host, host.root).of([service], strict))


def test_a_package_that_asks_to_stop_its_daemon_first_is_told_with_both_ways(host: Host) -> None:
    host.write("var/lib/dpkg/info/postgresql-15.prerm", POSTGRESQL)
    host.write("usr/share/postgresql-common/maintscripts-functions", FUNCTIONS)
    for unit in ("postgresql@15-main.service", "postgresql.service"):
        assert said(host, unit) == [
            "web: the package postgresql-15 asks to stop postgresql@*-* before it replaces its files. While restarts "
            "are off it replaces them under the running daemon, which most databases do not bear. Decide, and write it "
            'into the inventory: "web_deferral: hold" lets the package wait as well, "web_deferral: block" lets it be '
            "upgraded all the same."
        ]
    assert said(host, "web.service") == []  # nobody calls other()
    assert said(host, "postgresql.service", decided=True) == []


@pytest.mark.parametrize(
    ("guard", "is_told"),
    [(("", ""), True), (('if [ "$1" = remove ]; then\n', "\nfi"), False)],
    ids=["in an upgrade", "in a removal"],
)
def test_what_debhelper_wrote_counts_where_it_is_reached_in_an_upgrade(
    host: Host, guard: tuple[str, str], is_told: bool
) -> None:
    host.write("var/lib/dpkg/info/web.prerm", SNIPPET.format(*guard))
    assert any("asks to stop web.service" in each for each in said(host)) is is_told


def test_a_package_that_stops_what_needs_it_is_told_until_it_is_held_or_cannot(host: Host) -> None:
    host.write("var/lib/dpkg/info/erlang-base.prerm", ERLANG)
    assert said(host) == [
        'web: an upgrade of erlang-base, which it needs, stops it without asking (its prerm, line 3: "systemctl stop '
        '$service"). While restarts are off, put that on hold too (apt-mark hold erlang-base), or web into '
        "deferral_strict_services."
    ]
    assert said(host, strict=["web"]) == []
    host.want = "hold"
    assert said(host) == []


def test_units_that_came_with_a_package_and_are_of_no_service_are_told_if_they_run(host: Host) -> None:
    units = ("web.service", "cache.service", "idle.service", "side.socket", "drags.service", "web@.service")
    host.write("var/lib/dpkg/info/web.list", "".join(f"/usr/lib/systemd/system/{unit}\n" for unit in units))
    assert said(host) == [
        "web: cache.service, side.socket came with its package, and no service has them, so packages go on restarting "
        "them. Write into its units what must wait as well."
    ]
    assert said(host, "web.service", "cache.service", "side.socket") == []
    assert len(said(host, decided=True)) == 1


def test_a_service_of_no_package_has_nothing_to_tell(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.orderly.services.plugins.module_utils._deferral.cautions.owners_of",
        lambda *_: set(),
    )
    assert said(host) == []
