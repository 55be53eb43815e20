"""Which of a machine's package sources are the Debian archive, and how they are written for a host."""

from __future__ import annotations

import pytest
from fleetlib.sources import (
    carried_options,
    debian_archive,
    offered,
    parse,
    proxy_options,
    renamed,
    render,
    seen_from_a_host,
)

ONE_LINE = """\
# deb http://mirror.example/debian bookworm main
deb [arch=amd64,arm64 signed-by="/usr/share/keyrings/mine.gpg"] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main   # point releases early
deb http://mirror.example/debian-security bookworm-security main
deb https://packages.example/apt bookworm main
deb [trusted=yes] file:/srv/debian bookworm main
"""

DEB822 = """\
Types: deb deb-src
# the mirror next door
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/mine.gpg

Enabled: no
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main

Types: deb
URIs: mirror+file:/etc/apt/mirrors/debian-security.list
Suites:
 bookworm-security
Components: main

Types: deb
URIs: https://packages.example/apt
Suites: bookworm
Components: main
"""


@pytest.mark.parametrize(("text", "deb822"), [(ONE_LINE, False), (DEB822, True)], ids=["list", "deb822"])
def test_only_the_debian_archive_is_offered_and_updates_apart(text: str, deb822: bool) -> None:
    archive = debian_archive(parse(text, deb822=deb822), "bookworm")
    (suite,), (security,) = offered(archive, "bookworm"), offered(archive, "bookworm-security")
    assert suite.uris == ("http://mirror.example/debian",)
    assert suite.suites == ("bookworm",)
    assert suite.keyrings == ("/usr/share/keyrings/mine.gpg",)
    assert security.suites == ("bookworm-security",)


def test_list_of_mirrors_is_known_as_a_file() -> None:
    (security,) = offered(parse(DEB822, deb822=True), "bookworm-security")
    assert security.mirror_lists == ("/etc/apt/mirrors/debian-security.list",)


def test_another_release_is_the_same_archive_with_other_suites() -> None:
    archive = renamed(parse(ONE_LINE, deb822=False)[:3], "bookworm", "trixie")
    assert [source.suites for source in archive] == [("trixie",), ("trixie-updates",), ("trixie-security",)]


def test_rendered_sources_read_back_the_same() -> None:
    for archive in (parse(ONE_LINE, deb822=False), parse(DEB822, deb822=True)):
        assert parse(render(archive), deb822=True) == archive


def test_line_becomes_a_stanza_with_its_options() -> None:
    assert render(parse(ONE_LINE, deb822=False)[:1]) == (
        "Types: deb\n"
        "URIs: http://mirror.example/debian\n"
        "Suites: bookworm\n"
        "Components: main contrib\n"
        "Architectures: amd64 arm64\n"
        "Signed-By: /usr/share/keyrings/mine.gpg\n"
    )


def test_only_what_reaches_the_archive_is_carried_over() -> None:
    dump = """\
Acquire "";
Acquire::http::Proxy "http://localhost:3142";
Acquire::http::Proxy::mirror.example "DIRECT";
Acquire::https::CaInfo "";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
"""
    assert carried_options(dump) == {
        "Acquire::http::Proxy": "http://localhost:3142",
        "Acquire::http::Proxy::mirror.example": "DIRECT",
        "Acquire::Check-Valid-Until": "false",
    }


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("http://localhost:3142", "http://host.containers.internal:3142"),
        ("http://127.0.0.1:3142/", "http://host.containers.internal:3142/"),
        ("http://localhost.example:3142", "http://localhost.example:3142"),
        ("http://proxy.example:3142", "http://proxy.example:3142"),
        ("DIRECT", "DIRECT"),
    ],
)
def test_proxy_on_this_machine_is_named_as_hosts_know_it(here: str, there: str) -> None:
    assert seen_from_a_host(here) == there


def test_proxies_of_the_environment_are_options_with_what_is_reached_directly() -> None:
    environ = {"http_proxy": "http://proxy.example:3128", "no_proxy": "localhost, .intern.example"}
    assert carried_options(proxy_options(environ)) == {
        "Acquire::http::Proxy": "http://proxy.example:3128",
        "Acquire::http::Proxy::localhost": "DIRECT",
        "Acquire::http::Proxy::intern.example": "DIRECT",
    }
