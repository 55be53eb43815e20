"""Packs an installed package again under a higher version; its maintainer scripts and files stay what they are."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AGAIN = "+again1"  # ends the version of what was packed again
ARCHIVES = Path("/var/cache/apt/archives")


def repacked(
    name: str, versions: Mapping[str, str], work: Path, run: Callable[..., str], again: str = AGAIN
) -> Path:
    """Give the file of a package that is installed, packed again; *versions* are those of all that are packed again.

    *run* runs a command that must succeed, in the folder *cwd*, and gives what it printed.
    """
    short, tree, debs = name.partition(":")[0], work / "tree", work / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    architecture = run("dpkg-query", "-W", "-f", "${Architecture}", name)
    file = ARCHIVES / f"{short}_{versions[name].replace(':', '%3a')}_{architecture}.deb"
    if not file.exists():
        run("apt-get", "-qq", "download", f"{name}={versions[name]}", cwd=ARCHIVES)
    shutil.rmtree(tree, ignore_errors=True)
    run("dpkg-deb", "-R", str(file), str(tree))
    control = tree / "DEBIAN/control"
    control.write_text(with_higher_version(control.read_text(), versions, again))
    deb = debs / f"{short}.deb"
    run("dpkg-deb", "-Znone", "-b", str(tree), str(deb))
    shutil.rmtree(tree)
    return deb


def with_higher_version(control: str, versions: Mapping[str, str], again: str = AGAIN) -> str:
    """Raise the version that a control file states, and those of the others among these that it insists on."""
    for name, version in versions.items():
        exactly = rf"(?<![\w.+-])({re.escape(name.partition(':')[0])}(?::\w+)? \(= {re.escape(version)})\)"
        control = re.sub(exactly, rf"\1{again})", control)
    return re.sub(r"(?m)^(Version: \S+)$", rf"\1{again}", control)
