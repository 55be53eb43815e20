"""What dpkg and apt are asked, and what becomes of their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.module_utils._host.dpkg import (
    held_packages,
    installed_versions,
    package_versions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INSTALLED = "curl\t7.88.1-10\ngone\t\n"  # gone was removed, and its configuration was not
POLICY = """\
curl:
  Installed: 7.88.1-10
  Candidate: 1:8.0-1
  Version table:
     1:8.0-1 500
gone:
  Installed: (none)
  Candidate: (none)
"""
HOLDS = "install\tbash\t5.2\nhold\tcurl\t7.88.1-10\nhold\tlocal:amd64\t1\n"


class Dpkg:
    """Says what it was told to, and keeps what it was asked."""

    def __init__(self, **answers: str) -> None:
        self.answers = {"dpkg_query": INSTALLED, "apt_cache": POLICY, **answers}
        self.asked: list[tuple[str, ...]] = []

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        assert environ_update == {"LC_ALL": "C"}
        self.asked.append((args[0], *(args[args.index("--") + 1 :] if "--" in args else ())))
        return 1, self.answers[args[0].replace("-", "_")], "no packages found matching nosuch"


def test_versions_of_what_is_installed_are_asked_for_at_once() -> None:
    dpkg = Dpkg()
    assert installed_versions(dpkg.run, ["gone", "curl", "", "nosuch", "curl"]) == {"curl": "7.88.1-10"}
    assert dpkg.asked == [("dpkg-query", "curl", "gone", "nosuch")]


def test_installed_and_candidate_are_empty_where_there_is_none() -> None:
    assert package_versions(Dpkg().run, ["curl", "gone", "nosuch"]) == {
        "curl": {"installed": "7.88.1-10", "candidate": "1:8.0-1"},
        "gone": {"installed": "", "candidate": ""},
        "nosuch": {"installed": "", "candidate": ""},
    }


def test_packages_on_hold_are_told_with_what_apt_would_install() -> None:
    assert held_packages(Dpkg(dpkg_query=HOLDS).run) == [
        {"package": "curl", "version": "7.88.1-10", "candidate": "1:8.0-1"},
        {"package": "local:amd64", "version": "1", "candidate": ""},
    ]


def test_about_no_packages_nobody_is_asked() -> None:
    dpkg = Dpkg(dpkg_query="")
    assert (installed_versions(dpkg.run, []), package_versions(dpkg.run, [""])) == ({}, {})
    assert dpkg.asked == []
    assert held_packages(dpkg.run) == []
    assert dpkg.asked == [("dpkg-query",)]
