"""Programs from Debian's packages: installed, or only unpacked, which starts nothing and needs no root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

PACKAGES = Path(__file__).resolve().parent / "setup/packages"


def ensure(**programs: str) -> None:
    """Install the packages of these programs where one is missing, as in ``ensure(git="git")``."""
    missing = [package for program, package in programs.items() if shutil.which(program) is None]
    if missing and subprocess.run([PACKAGES, *missing], check=False).returncode:
        raise RuntimeError(f"{', '.join(missing)} could not be installed, see above")


def unpacked(package: str, folder: Path) -> Path:
    """Give the folder in which a package is unpacked; it is fetched the first time."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        try:
            fetch(package, Path(aside))
        except (OSError, subprocess.CalledProcessError) as exc:
            said = getattr(exc, "stderr", "") or exc
            raise RuntimeError(f"These tests need {package}: apt-get install {package} ({said})") from exc
        with suppress(OSError):  # another process was first
            (Path(aside) / "root").rename(folder)
    return folder


def fetch(package: str, folder: Path) -> None:
    """Unpack a package into the folder root below *folder*."""

    download(folder, package)
    subprocess.run(
        ["dpkg", "-x", *folder.glob(f"{package}_*.deb"), "root"], cwd=folder, check=True, capture_output=True
    )


def download(folder: Path, *packages: str) -> None:
    """Fetch packages into a folder."""

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)

    try:
        run("apt-get", "download", "-qq", *packages)
    except subprocess.CalledProcessError:
        run(str(PACKAGES))  # a machine that has never asked what there is
        run("apt-get", "download", "-qq", *packages)
