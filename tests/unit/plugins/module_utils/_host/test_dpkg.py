"""What dpkg and apt are asked, and what becomes of their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.dpkg import (
    held_packages,
    installed_versions,
    package_versions,
    read_packages,
    unfinished,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INSTALLED = (
    "install\tinstalled\tok\tcurl\tcurl\t7.88.1-10\n"
    "deinstall\tconfig-files\tok\tgone\tgone\t1.0\n"  # it was removed, and its configuration was not
)
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
HOLDS = (
    "install\tinstalled\tok\tbash\tbash\t5.2\n"
    "hold\tinstalled\tok\tcurl\tcurl\t7.88.1-10\n"
    "hold\tinstalled\tok\tlocal\tlocal:amd64\t1\n"
)


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
    assert installed_versions(read_packages(dpkg.run, ["gone", "curl", "nosuch", "curl"])) == {
        "curl": "7.88.1-10"
    }
    assert dpkg.asked == [("dpkg-query", "curl", "gone", "nosuch")]


def test_installed_and_candidate_are_empty_where_there_is_none() -> None:
    run = Dpkg().run
    assert package_versions(run, read_packages(run), ["curl", "gone", "nosuch"]) == {
        "curl": {"installed": "7.88.1-10", "candidate": "1:8.0-1"},
        "gone": {"installed": "", "candidate": ""},
        "nosuch": {"installed": "", "candidate": ""},
    }


STATES = [
    ("install", "installed", "ok", True, ""),
    ("hold", "installed", "ok", True, ""),
    ("deinstall", "config-files", "ok", False, ""),
    ("unknown", "not-installed", "ok", False, ""),
    ("install", "unpacked", "ok", False, "halfd is unpacked, not configured: run dpkg --configure -a"),
    ("hold", "unpacked", "ok", False, "halfd is unpacked, not configured: run dpkg --configure -a"),
    ("install", "half-configured", "ok", False, "halfd is half-configured: run dpkg --configure -a"),
    (
        "install",
        "triggers-pending",
        "ok",
        False,
        "halfd has triggers that have not run: run dpkg --configure -a",
    ),
    (
        "install",
        "triggers-awaited",
        "ok",
        False,
        "halfd waits for triggers of other packages: run dpkg --configure -a",
    ),
    (
        "install",
        "half-installed",
        "reinstreq",
        False,
        "halfd is half-installed: run apt-get install --reinstall halfd",
    ),
    (
        "install",
        "installed",
        "reinstreq",
        False,
        "halfd is half-installed: run apt-get install --reinstall halfd",
    ),
]


@pytest.mark.parametrize(("want", "state", "flag", "is_installed", "sentence"), STATES)
def test_a_version_counts_only_where_dpkg_has_finished(
    want: str, state: str, flag: str, sentence: str, *, is_installed: bool
) -> None:
    packages = read_packages(Dpkg(dpkg_query=f"{want}\t{state}\t{flag}\thalfd\thalfd\t2.0\n").run)
    assert installed_versions(packages) == ({"halfd": "2.0"} if is_installed else {})
    assert unfinished(packages) == ([sentence] if sentence else [])


def test_packages_on_hold_are_told_with_what_apt_would_install() -> None:
    run = Dpkg(dpkg_query=HOLDS).run
    assert held_packages(run, read_packages(run)) == [
        {"package": "curl", "version": "7.88.1-10", "candidate": "1:8.0-1"},
        {"package": "local:amd64", "version": "1", "candidate": ""},
    ]


def test_about_no_packages_nobody_is_asked() -> None:
    dpkg = Dpkg(dpkg_query="")
    assert (package_versions(dpkg.run, [], []), held_packages(dpkg.run, [])) == ({}, [])
    assert dpkg.asked == []


def test_what_does_not_answer_is_not_taken_for_nothing() -> None:
    def fails(*_command: Sequence[str], **_environment: Mapping[str, str]) -> tuple[int, str, str]:
        return 2, "", "E: broken"

    with pytest.raises(HostError, match="dpkg-query fails: E: broken"):
        read_packages(fails)
    with pytest.raises(HostError, match="apt-cache policy fails: E: broken"):
        package_versions(fails, [], ["curl"])
