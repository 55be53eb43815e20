"""Offer installed packages of this host again, with a higher version, in an archive of its own; it runs on the host.

Maintainer scripts and files stay what they are. Names the packages that were offered.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from repack import repacked

ARCHIVE = Path("/srv/again")
SOURCES = Path("/etc/apt/sources.list.d/again.sources")
STANZA = f"Types: deb\nURIs: file:{ARCHIVE}\nSuites: ./\nTrusted: yes\n"


def run(*command: str, **options: Any) -> str:
    """Run a command that must succeed, and give what it printed."""
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env, **options).stdout


def installed() -> dict[str, tuple[str, str]]:
    """Give version and source of the packages that are installed."""
    form = "${db:Status-Status}\t${Package}\t${Version}\t${source:Package}\n"
    rows = [line.split("\t") for line in run("dpkg-query", "-W", "-f", form).splitlines()]
    return {row[1]: (row[2], row[3]) for row in rows if row[0] == "installed"}


def original(version: str) -> tuple[str, int]:
    """Give the version that the archive has, and how often it was offered again since."""
    kept, _mark, times = version.partition("+again")
    return kept, int(times or 0)


def entry(deb: Path) -> str:
    """Write what an index says of a package."""
    content = deb.read_bytes()
    of_file = f"Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    return run("dpkg-deb", "--field", str(deb)) + of_file


def main(names: list[str]) -> None:
    """Offer these packages again, and all that come from the same sources, as they may insist on one version."""
    there = installed()
    sources = {there[name][1] for name in names}
    originals = {name: original(version) for name, (version, source) in there.items() if source in sources}
    versions = {name: version for name, (version, _times) in originals.items()}
    again = f"+again{max(times for _version, times in originals.values()) + 1}"
    shutil.rmtree(ARCHIVE, ignore_errors=True)
    debs = [repacked(name, versions, ARCHIVE, run, again) for name in versions]
    for deb in debs:
        deb.rename(ARCHIVE / deb.name)
    (ARCHIVE / "Packages").write_text("\n".join(entry(ARCHIVE / deb.name) for deb in debs))
    SOURCES.write_text(STANZA)
    run("apt-get", "-qq", "update")
    print(*versions)


if __name__ == "__main__":
    main(sys.argv[1:])
