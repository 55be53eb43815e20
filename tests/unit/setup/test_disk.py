"""Whether there is room, said before anything begins; df is a stand-in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

DISK = Path(__file__).resolve().parents[2] / "setup/disk"


def ask(folder: Path, level: str, df: str) -> subprocess.CompletedProcess[str]:
    (folder / "df").write_text(f"#!/bin/sh\necho Filesystem\n{df}\n")
    (folder / "df").chmod(0o755)
    environ = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    return subprocess.run([DISK, level], env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("level", ["fleet", "demo", "test"])
def test_enough_is_not_a_word(level: str, tmp_path: Path) -> None:
    done = ask(tmp_path, level, "echo /dev/vda 90000 1 50000 1% /")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_on_one_disk_is_added_up_and_the_folders_are_named(tmp_path: Path) -> None:
    done = ask(tmp_path, "demo", "echo /dev/vda 90000 1 3000 1% /")
    root = DISK.parents[2]
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"The demo needs about 3.5 GiB of disk below {root} {tmp_path}/cache /usr, where 2.9 GiB"
    )


def test_only_the_disk_that_is_short_is_named(tmp_path: Path) -> None:
    df = "case $2 in /usr) echo /dev/vdb 90000 1 500 1% / ;; *) echo /dev/vda 90000 1 50000 1% / ;; esac"
    done = ask(tmp_path, "demo", df)
    assert "0.7 GiB of disk below /usr, where 0.5 GiB are free" in done.stderr
