# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg knows about packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterable

    from .systemd import Runner


def installed_versions(run: Runner, packages: Iterable[str]) -> dict[str, str]:
    """Read the installed versions of packages at once; those that are not installed are left out."""
    wanted = sorted({package for package in packages if package})
    if not wanted:
        return {}
    command = ["dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\n", "--", *wanted]
    output = run(command, environ_update={"LC_ALL": "C"})[1]
    pairs = (line.split("\t", 1) for line in output.splitlines() if "\t" in line)
    return {package: version for package, version in pairs if version}


def package_versions(run: Runner, packages: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read which versions of packages are installed, and which apt would install now; empty where there is none."""
    names = sorted({package for package in packages if package})
    if not names:
        return {}
    installed, candidates = installed_versions(run, names), _candidates(run, names)
    return {
        name: {"installed": installed.get(name, ""), "candidate": candidates.get(name, "")} for name in names
    }


def held_packages(run: Runner) -> list[dict[str, str]]:
    """Read which packages are on hold, and what apt would install in place of each."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Want}\\t${binary:Package}\\t${Version}\\n"]
    output = run(command, environ_update={"LC_ALL": "C"})[1]
    lines = (line.split("\t") for line in output.splitlines() if line.startswith("hold\t"))
    versions = {package: version for _want, package, version in lines}
    candidates = _candidates(run, list(versions)) if versions else {}
    return [
        {"package": package, "version": version, "candidate": candidates.get(package, "")}
        for package, version in versions.items()
    ]


def _candidates(run: Runner, packages: list[str]) -> dict[str, str]:
    output = run(["apt-cache", "policy", "--", *packages], environ_update={"LC_ALL": "C"})[1]
    found: dict[str, str] = {}
    package = ""
    for line in output.splitlines():
        if not line.startswith(" "):
            package = line.rstrip(":")
        elif line.startswith("  Candidate: "):
            candidate = line.split(": ", 1)[1].strip()
            found[package] = "" if candidate == "(none)" else candidate
    return found
